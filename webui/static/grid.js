// Paints the hours of a week on a table of half hours: by drag, tap or keyboard. `week.js` holds the hours.
(function () {
  "use strict";
  var STEP = 30, LAST = [6, 47], form = document.querySelector("[data-week]");
  if (!form) { return; }
  var words = form.dataset, week = form.week, table = form.querySelector(".half-hours");
  var cells = Array.from(table.tBodies[0].rows, line => Array.from(line.querySelectorAll("td")));
  // A place is [day, half hour]. All between anchor and cursor is selected.
  var cursor = [0, words.week === "night" ? 18 : 32], anchor = cursor, held = false, moved = false;

  function fill(text, values) { return text.replace(/\{(\w+)\}/g, (all, key) => values[key]); }
  function box() { return [0, 1].map(axis => [anchor[axis], cursor[axis]].sort((one, other) => one - other)); }
  function several() { return anchor.join() !== cursor.join(); }
  // Return the first and the last painted minute of a half hour, and how many there are.
  function painted(day, half) {
    var found = [];
    for (var at = half * STEP; at < (half + 1) * STEP; at += 1) { if (week.isSet(day, at)) { found.push(at); } }
    return [found[0], found[found.length - 1] + 1, found.length];
  }
  // Turn the selected half hours into the opposite of the first one.
  function turn() {
    var chosen = box(), from = chosen[1][0] * STEP, to = (chosen[1][1] + 1) * STEP, on = painted(anchor[0], anchor[1])[2] < STEP ? 1 : 0;
    week.turn(chosen[0][0], chosen[0][1], from, to, on);
    form.querySelector("[data-live-region]").textContent = fill(on ? words.done : words.gone, { from: week.clock(from), to: week.clock(to) });
    move(cursor);
  }
  function move(to, extending) {
    cursor = to;
    if (!extending) { anchor = to; }
    draw();
  }
  function drawCell(cell, day, half) {
    var [from, to, count] = painted(day, half), part = count && count < STEP, chosen = box();
    var here = several() && [day, half].every((one, axis) => chosen[axis][0] <= one && one <= chosen[axis][1]);
    var [first, last] = [from, to].map(end => `${(end / STEP - half) * 100}%`);
    cell.classList.toggle("on", count === STEP);
    cell.classList.toggle("ahead", here);
    cell.ariaSelected = here;
    cell.style.backgroundImage = part ? `linear-gradient(90deg, #0000 ${first}, currentColor 0 ${last}, #0000 0)` : "";
    cell.ariaLabel = fill(words.cell, {
      days: week.name(day), time: week.clock(half * STEP),
      state: (count ? words.on : words.off) + (part ? ` ${week.text([[from, to]])}` : "") + (cell.matches(".sleeps") ? `, ${words.sleeps}` : "")
    });
  }
  function draw() {
    cells.forEach((line, day) => line.forEach((cell, half) => drawCell(cell, day, half)));
    table.querySelector(".at")?.classList.remove("at");
    var [day, half] = cursor, cell = cells[day][half], columns = box()[1];
    var shown = several() ? [[columns[0] * STEP, (columns[1] + 1) * STEP]] : week.hours(day);
    cell.classList.add("at");
    cell.id = `half-${day}-${half}`;
    table.setAttribute("aria-activedescendant", cell.id);
    form.querySelector("[data-copy]").textContent = day < 5 ? words.copySchool : words.copyFree;
    form.querySelector("[data-shown]").textContent = fill(words.now, { days: week.name(day), hours: week.text(shown) || words.off });
  }
  function at(event) {
    var under = document.elementFromPoint(event.clientX, event.clientY) || event.target;
    var cell = under.closest(".half-hours tbody td");
    return cell ? [cell.parentNode.sectionRowIndex, cell.cellIndex - 1] : null;
  }

  table.onpointerdown = event => {
    var to = at(event);
    moved = false;
    held = !event.button && to;
    if (held) {
      table.setPointerCapture(event.pointerId);
      move(to);
    }
  };
  table.onpointermove = event => {
    var to = held && at(event);
    if (to && to.join() !== cursor.join()) {
      moved = true;
      move(to, true);
    }
  };
  table.onpointerup = () => {
    if (held && moved) { turn(); }
    held = false;
  };
  table.onpointercancel = () => {
    held = false;
    move(cursor);
  };
  table.onclick = event => {
    var head = event.target.closest("tbody th"), to = head ? [head.parentNode.sectionRowIndex, cursor[1]] : at(event);
    if (!to || moved) { return; }
    move(to);
    if (!head) { turn(); }
  };
  table.onkeydown = event => {
    var by = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0], Home: [0, -47], End: [0, 47] }[event.key];
    if (by) { move(LAST.map((last, axis) => Math.max(0, Math.min(last, cursor[axis] + by[axis]))), event.shiftKey); }
    else if (event.key === " " || event.key === "Enter") { turn(); }
    else if (event.key === "Escape") { move(cursor); }
    else { return; }
    event.preventDefault();
  };
  ["copy", "clear"].forEach(job => {
    form.querySelector(`[data-${job}]`).onclick = () => {
      week[job](cursor[0]);
      draw();
    };
  });
  week.draw = draw;
  form.classList.add("whole-week");
  draw();
})();
