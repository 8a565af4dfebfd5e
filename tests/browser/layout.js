// Texts and controls that lie on each other or are cut off: one line for each. The whole page is in the window.
const faults = [];
const style = one => getComputedStyle(one);
const shown = one => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !one.closest(".unseen, .skip");
const call = one => `${one.tagName.toLowerCase()}${one.className && one.className.baseVal === undefined ? "." + one.className.trim().replace(/\s+/g, ".") : ""}`;
const words = text => `"${text.replace(/\s+/g, " ").trim().slice(0, 40)}"`;
const width = document.documentElement.clientWidth;

const sideways = document.documentElement.scrollWidth - width;

if (sideways > 0) faults.push(`${sideways} px wider than the window`);

// What scrolls sideways on purpose: days to choose from, and fields.
const scrolls = one => one.closest(".days, textarea, input, select");

// Rectangles of texts (each line of each text node), of fields and buttons, and of pictures.
const boxes = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const parent = node.parentElement;
  if (!node.data.trim() || !parent || parent.closest("script, noscript, option, svg") || !shown(parent) || scrolls(parent)) continue;
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const { left, right, top, bottom, height } of range.getClientRects()) {
    if (right - left < 1) continue;
    if (right > width + 1 || left < -1) faults.push(`out of the window: ${words(node.data)} in ${call(parent)}`);
    // Less than the height of the font: letters hardly use its whole box.
    boxes.push({ of: parent, kind: "text", says: words(node.data), left, right, top: top + height * 0.2, bottom: bottom - height * 0.2 });
  }
}
for (const one of document.querySelectorAll("button, .button, input:not([type=hidden]), select, textarea, summary, svg.icon, svg.ring, svg.qr, img, .badge, .count, .initial, .mark-initial")) {
  if (!shown(one)) continue;
  const { left, right, top, bottom } = one.getBoundingClientRect();
  if (right - left < 1) continue;
  if ((right > width + 1 || left < -1) && !scrolls(one)) faults.push(`out of the window: ${call(one)}`);
  boxes.push({ of: one, kind: "thing", says: call(one), left, right, top, bottom });
}

// On purpose: the number in its ring, the count on the icon of its tab, and a small mark in the corner of a tile.
const meant = (one, other) =>
  one.closest(".minutes-left") && other.closest(".minutes-left") || one.closest(".tabs .count, .tiles .icon") || other.closest(".tabs .count, .tiles .icon");
boxes.sort((one, other) => one.top - other.top);
boxes.forEach((one, at) => {
  for (let next = at + 1; next < boxes.length && boxes[next].top < one.bottom - 1; next++) {
    const other = boxes[next];
    if (one.of === other.of || one.of.contains(other.of) || other.of.contains(one.of) || meant(one.of, other.of)) continue;
    const x = Math.min(one.right, other.right) - Math.max(one.left, other.left);
    const y = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
    if (x > 1.5 && y > 1.5) faults.push(`${Math.round(x)} x ${Math.round(y)} px of ${one.says} lie on ${other.says}`);
  }
});

// A proposal in an empty field that is longer than the field.
const ink = document.createElement("canvas").getContext("2d");
const large = parseFloat(style(document.documentElement).fontSize) > 16;  // where an example may be cut
for (const one of document.querySelectorAll("input[placeholder]")) {
  if (!shown(one) || one.value || large) continue;
  const look = style(one);
  ink.font = `${look.fontWeight} ${look.fontSize} ${look.fontFamily}`;
  const room = one.clientWidth - parseFloat(look.paddingLeft) - parseFloat(look.paddingRight);
  if (ink.measureText(one.placeholder).width > room + 1) faults.push(`cut off: ${call(one)} ${words(one.placeholder)}`);
}

// Cut off: by what hides its overflow, or out of the box that is drawn around it.
for (const one of document.querySelectorAll("body *")) {
  if (!shown(one) || scrolls(one) || one.closest("svg")) continue;
  const look = style(one), hides = [look.overflowX, look.overflowY].some(value => value === "hidden" || value === "clip");
  if (hides && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1))
    faults.push(`cut off: ${call(one)} ${words(one.textContent)}`);
}
const drawn = one => {
  for (let at = one; at && at !== document.body; at = at.parentElement) {
    const look = style(at);
    if (look.display === "inline") continue;
    if (look.backgroundColor !== "rgba(0, 0, 0, 0)" || parseFloat(look.borderLeftWidth) || look.boxShadow !== "none") return at;
  }
  return null;
};
for (const box of boxes) {
  const around = drawn(box.kind === "text" ? box.of : box.of.parentElement);
  if (!around || meant(box.of, box.of)) continue;
  const { left, right, top, bottom } = around.getBoundingClientRect();
  if (box.right > right + 1 || box.left < left - 1 || box.bottom > bottom + 1 || box.top < top - 1)
    faults.push(`sticks out of ${call(around)}: ${box.says}`);
}
return [...new Set(faults)];
