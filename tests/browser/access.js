// What a page withholds from somebody: one line for each fault. Nothing here but what a browser has itself.
const faults = [];
const seen = one => one.getClientRects().length > 0;
const told = one => (one.outerHTML.match(/^<[^>]*>/) || [one.tagName])[0].slice(0, 120);
const text = one => one.textContent.replace(/\s+/g, " ").trim();

// A name as a screen reader has it (WCAG 4.1.2), without what is hidden from it.
const spoken = one => {
  if (one.nodeType === Node.TEXT_NODE) return one.data;
  if (one.nodeType !== Node.ELEMENT_NODE || one.getAttribute("aria-hidden") === "true") return "";
  if (getComputedStyle(one).display === "none") return "";
  if (one.hasAttribute("aria-label")) return one.getAttribute("aria-label");
  if (one.tagName === "IMG") return one.alt;
  return [...one.childNodes].map(spoken).join(" ");
};
const named = one => {
  const by = (one.getAttribute("aria-labelledby") || "").split(/\s+/).filter(Boolean);
  if (by.length) return by.map(id => document.getElementById(id)).map(it => it ? text(it) : "").join(" ").trim();
  if (one.getAttribute("aria-label")) return one.getAttribute("aria-label").trim();
  const labels = [...(one.labels || [])].map(spoken).join(" ").trim();
  return labels || (/^(INPUT|SELECT|TEXTAREA)$/.test(one.tagName) ? "" : spoken(one).replace(/\s+/g, " ").trim());
};

if (!/^[a-z]{2}\b/.test(document.documentElement.lang)) faults.push("the page says no language");
if (!document.title.trim()) faults.push("the page has no title");
const heads = [...document.querySelectorAll("h1")].filter(seen);
if (heads.length !== 1) faults.push(`${heads.length} first headings: ${heads.map(text).join(", ")}`);
let level = 0;
for (const head of [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(seen)) {
  const now = Number(head.tagName[1]);
  if (now > level + 1) faults.push(`heading ${now} behind ${level}: ${text(head)}`);
  level = now;
}
const ids = [...document.querySelectorAll("[id]")].map(one => one.id);
for (const id of new Set(ids)) if (ids.filter(one => one === id).length > 1) faults.push(`two are called ${id}`);
for (const kind of ["aria-labelledby", "aria-describedby", "for"])
  for (const one of document.querySelectorAll(`[${kind}]`))
    for (const id of one.getAttribute(kind).split(/\s+/))
      if (!document.getElementById(id)) faults.push(`${kind} names nothing: ${told(one)}`);
if (!document.querySelector("main")) faults.push("the page has no main part");

for (const one of document.querySelectorAll("input:not([type=hidden]), select, textarea"))
  if (!named(one)) faults.push(`a field without a label: ${told(one)}`);
for (const one of document.querySelectorAll("button, a[href], summary, [role=button]"))
  if (!named(one)) faults.push(`nothing to call it by: ${told(one)}`);
for (const one of document.querySelectorAll("img:not([alt]), svg:not([aria-hidden=true]):not([role=img])"))
  faults.push(`a picture without words: ${told(one)}`);
for (const one of document.querySelectorAll("fieldset"))
  if (!one.querySelector("legend")) faults.push(`a group without a name: ${told(one)}`);
for (const one of document.querySelectorAll("table"))
  if (!one.querySelector("th[scope]")) faults.push("a table without headings");

// Targets: buttons whole; a link in a line of text only as high as its line.
for (const one of document.querySelectorAll("button, summary, select, input:not([type=hidden]), a[href]")) {
  if (!seen(one) || one.classList.contains("skip")) continue;
  const { width, height } = one.getBoundingClientRect();
  const inline = one.tagName === "A" && getComputedStyle(one).display === "inline";
  if (!inline && (height < 44 || width < 44))
    faults.push(`${Math.round(width)} x ${Math.round(height)} to tap: ${named(one) || told(one)}`);
  else if (inline && height < 24) faults.push(`a link ${Math.round(height)} high: ${named(one)}`);
}

// Contrast (WCAG 1.4.3), with what shines through blended in.
const parse = value => { const [r, g, b, a = 1] = value.match(/[\d.]+/g).map(Number); return [r, g, b, a]; };
const over = ([r, g, b, a], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const ground = one => {
  const layers = [];
  for (let at = one; at; at = at.parentElement) {
    layers.push(parse(getComputedStyle(at).backgroundColor));
    if (layers.at(-1)[3] === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
};
const faded = one => one ? Number(getComputedStyle(one).opacity) * faded(one.parentElement) : 1;
const check = (colour, one, words) => {
  const below = ground(one), [r, g, b, a] = parse(colour);
  const x = light(over([r, g, b, a * faded(one)], below)), y = light(below);
  const ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${words.slice(0, 40)}`);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const words = walker.currentNode.data.trim(), one = walker.currentNode.parentElement;
  if (words && seen(one) && !/^(SCRIPT|STYLE|TEMPLATE|OPTION)$/.test(one.tagName)) check(getComputedStyle(one).color, one, words);
}
for (const one of document.querySelectorAll("input:not([type=hidden]):not([type=radio]):not([type=checkbox]), select, textarea")) {
  if (!seen(one)) continue;
  check(getComputedStyle(one).color, one, `in ${told(one)}`);
  if (one.placeholder) check(getComputedStyle(one, "::placeholder").color, one, one.placeholder);
}

const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (wide > 0) faults.push(`${wide} px wider than the window`);
return [...new Set(faults)];
