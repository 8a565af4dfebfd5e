// What some readers cannot use on a page and axe-core does not check: one line for each fault.
const faults = [];
const seen = one => one.getClientRects().length > 0;
const told = one => (one.outerHTML.match(/^<[^>]*>/) || [one.tagName])[0].slice(0, 120);
const text = one => (one.ariaLabel || one.textContent).replace(/\s+/g, " ").trim();

const heads = [...document.querySelectorAll("h1")].filter(seen);
if (heads.length !== 1) faults.push(`${heads.length} first headings: ${heads.map(text).join(", ")}`);
const ids = [...document.querySelectorAll("[id]")].map(one => one.id);
for (const id of new Set(ids)) if (ids.filter(one => one === id).length > 1) faults.push(`two are called ${id}`);
for (const kind of ["aria-labelledby", "aria-describedby", "for"])
  for (const one of document.querySelectorAll(`[${kind}]`))
    for (const id of one.getAttribute(kind).split(/\s+/))
      if (!document.getElementById(id)) faults.push(`${kind} names nothing: ${told(one)}`);

for (const one of document.querySelectorAll("svg:not([aria-hidden=true]):not([role=img])"))
  faults.push(`a picture without words: ${told(one)}`);
for (const one of document.querySelectorAll("fieldset"))
  if (!one.querySelector("legend")) faults.push(`a group without a name: ${told(one)}`);
for (const one of document.querySelectorAll("table"))
  if (!one.querySelector("th[scope]")) faults.push("a table without headings");
for (const one of document.querySelectorAll("[aria-invalid=true]"))
  if (!one.getAttribute("aria-describedby")) faults.push(`wrong, and not said why: ${told(one)}`);

// Targets: buttons whole; a link in a line of text only as high as its line.
for (const one of document.querySelectorAll("button, summary, select, input:not([type=hidden]), a[href]")) {
  if (!seen(one) || one.classList.contains("skip")) continue;
  const { width, height } = one.getBoundingClientRect();
  const inline = one.tagName === "A" && getComputedStyle(one).display === "inline";
  if (!inline && (height < 44 || width < 44))
    faults.push(`${Math.round(width)} x ${Math.round(height)} to tap: ${text(one) || told(one)}`);
  else if (inline && height < 24) faults.push(`a link ${Math.round(height)} high: ${text(one)}`);
}

// Contrast (WCAG 1.4.3) where axe cannot tell: axe.py says why.
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
const check = (colour, one, words) => {
  const below = ground(one), x = light(over(parse(colour), below)), y = light(below);
  const ratio = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
  if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${words.slice(0, 40)}`);
};
for (const one of document.querySelectorAll(".minutes-left *, textarea"))
  if (seen(one) && !one.closest("svg")) check(getComputedStyle(one).color, one, text(one) || told(one));

const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
if (wide > 0) faults.push(`${wide} px wider than the window`);
return [...new Set(faults)];
