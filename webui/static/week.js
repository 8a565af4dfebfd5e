// The hours of a week as they are in the time fields of each day: reads them, changes them, and writes them back.
// The form sends the fields, and which days were painted. `grid.js` paints with `form.week`.
(function () {
  "use strict";
  var DAY = 1440, WEEK = 7 * DAY, form = document.querySelector("[data-week]");
  if (!form) { return; }
  var night = form.dataset.week === "night", start = +form.dataset.start;
  var sent = form.elements.painted, painted = new Set(sent.value.split(" ").filter(Boolean));
  var days = Array.from(form.querySelectorAll("[data-row]"), row => ({
    name: row.dataset.row, how: row.querySelector("select"), list: row.querySelector("[data-times]")
  })), types = days.splice(0, 2);
  // The painted minutes of the week, and how many minutes of the next day belong to a day's last hours.
  // A day has DAY minutes and begins at `start`; a night begins at noon.
  var set = new Uint8Array(WEEK), over = [];

  function clock(at) { return new Date((at + start + DAY) * 6e4).toISOString().slice(11, 16); }
  function minute(text) { return (text.slice(0, 2) * 60 + Number(text.slice(3, 5)) - start + DAY) % DAY; }
  function text(spans) { return spans.map(span => span.map(clock).join("–")).join(", "); }
  function typeOf(day) { return types[day < 5 ? 0 : 1]; }
  function key(row) { return row.how.name.slice(0, 3); }
  function pairs(row) { return Array.from(row.list.children, pair => pair.querySelectorAll("input")); }
  function place(day, at) { return (day * DAY + at + WEEK) % WEEK; }
  function isSet(day, at) { return set[place(day, at)]; }
  function paint(day, from, to, on) {
    for (var at = from; at < to; at += 1) { set[place(day, at)] = on; }
  }
  function read() {
    set.fill(0);
    days.forEach((own, day) => {
      var row = own.how.value === "same" ? typeOf(day) : own, how = row.how.value;
      over[day] = 0;
      if (how === "none" && !night) { paint(day, 0, DAY, 1); }
      (how === "times" ? pairs(row) : []).filter(pair => pair[0].value && pair[1].value).forEach(pair => {
        var from = minute(pair[0].value), to = minute(pair[1].value);
        if (to <= from) { to += DAY; }
        over[day] = Math.max(over[day], to - DAY);
        paint(day, from, to, 1);
      });
    });
  }
  // Return the hours that begin on a day, as [from, to) in minutes.
  function hours(day) {
    var found = [], at = over[(day + 6) % 7], from;
    if (isSet(day, at)) { at = 0; }  // its own hours cover the end of those of the day before
    for (; at < DAY; at += 1) {
      if (!isSet(day, at)) { continue; }
      from = at;
      while (isSet(day, at) && at < DAY + over[day]) { at += 1; }
      found.push([from, at]);
    }
    return found;
  }
  function write(day) {
    var row = days[day], spans = hours(day), whole = !night && spans.length && spans[0][1] - spans[0][0] === DAY;
    if (whole) { spans = []; }
    while (row.list.children.length < spans.length + !night) { row.list.append(row.list.lastElementChild.cloneNode(true)); }
    pairs(row).forEach((pair, number) => [0, 1].forEach(end => {
      pair[end].value = spans[number] ? clock(spans[number][end]) : "";
    }));
    row.how.value = spans.length ? "times" : night || whole ? "none" : "never";
    painted.add(key(row));
    sent.value = Array.from(painted).join(" ");
  }
  // A night is one stretch: fill what is between two, or keep the longer one.
  function join(day, on) {
    var spans = hours(day);
    if (on && spans.length) { paint(day, spans[0][0], spans[spans.length - 1][1], 1); return; }
    spans.sort((one, other) => other[1] - other[0] - one[1] + one[0]);
    spans.slice(1).forEach(span => paint(day, span[0], span[1], 0));
  }
  // Let a day's last hours end where they are no longer painted. They end at midnight if the day's first hours begin
  // before their end: such a rule is refused, and 24 hours or more have no text.
  function limit(day) {
    var most = isSet(day, DAY - 1) ? over[day] : 0, spans;
    for (over[day] = 0; over[day] < most && isSet(day, DAY + over[day]);) { over[day] += 1; }
    spans = hours(day);
    if (spans.length && spans[spans.length - 1][1] - DAY >= spans[0][0]) { over[day] = 0; }
  }
  // Apply a change of minutes, and write the days whose hours it changed. Other days keep their fields as they are.
  function change(apply) {
    var old = days.map((row, day) => text(hours(day)));
    apply();
    for (var number = 0; number < 2 * days.length; number += 1) { limit(number % days.length); }
    days.forEach((row, day) => { if (text(hours(day)) !== old[day]) { write(day); } });
  }
  function clear(day) { hours(day).forEach(span => paint(day, span[0], span[1], 0)); }

  form.week = {
    isSet, hours, text, clock,
    name: day => days[day].name,
    turn: (first, last, from, to, on) => change(() => {
      for (var day = first; day <= last; day += 1) {
        paint(day, from, to, on);
        if (night) { join(day, on); }
      }
    }),
    clear: day => change(() => clear(day)),
    // Copy the hours of a day to the others of its type.
    copy: from => change(() => days.forEach((row, day) => {
      if (typeOf(day) !== typeOf(from) || day === from) { return; }
      clear(day);
      over[day] = over[from];
      hours(from).forEach(span => paint(day, span[0], span[1], 1));
    }))
  };
  // What is typed for all school days or free days applies to the days that were painted before.
  types.concat(days).forEach(row => {
    row.list.oninput = row.how.onchange = event => {
      if (event.type === "input") { row.how.value = "times"; }
      days.forEach((own, day) => {
        if (typeOf(day) === row && painted.delete(key(own))) { own.how.value = "same"; }
      });
      sent.value = Array.from(painted).join(" ");
      read();
      form.week.draw();
    };
  });
  read();
})();
