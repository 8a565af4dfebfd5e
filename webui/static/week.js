// Paints hours on the bars of a week by drag, two taps or keyboard, and writes them to the time fields next to each
// bar. The form sends only these fields.
(function () {
  "use strict";
  // Minutes. On a narrow screen 15 minutes are three pixels wide, so painting has steps of 30 there; fields have none.
  var DAY = 1440, STEP = 15, COARSE = 30, NARROW = 480, form = document.querySelector("[data-week]");
  if (!form) { return; }
  var words = form.dataset, night = words.week === "night", start = +words.start;

  function clock(at) { return new Date((at + DAY) * 6e4).toISOString().slice(11, 16); }
  function minutes(text) { return text.slice(0, 2) * 60 + Number(text.slice(3, 5)); }
  function fill(text, values) { return text.replace(/\{(\w+)\}/g, (all, key) => values[key]); }
  function say(text, from, to) {
    form.querySelector("[data-live-region]").textContent = fill(text, { from: clock(from), to: clock(to) });
  }
  function order(span, other) { return span[0] - other[0]; }

  // Connect one bar with the fields of its day. A span is [from, to) in minutes.
  function bar(place) {
    var row = place.closest("[data-row]"), list = row.querySelector("[data-times]"), how = row.querySelector("select");
    var svg = place.querySelector("svg"), cursor = start + (night ? 10 : 16) * 60, begun = null, held = null, moved = false, step = STEP;

    function fields() { return Array.from(list.children, pair => pair.querySelectorAll("input")); }
    function read() {
      return (how.value === "times" ? fields() : []).filter(pair => pair[0].value && pair[1].value).map(pair => {
        var from = minutes(pair[0].value), to = minutes(pair[1].value);
        if (to <= from) { to += DAY; }
        return night && from < start ? [from + DAY, to + DAY] : [from, to];
      }).sort(order);
    }
    function write(spans) {
      while (list.children.length < spans.length + !night) { list.append(list.lastElementChild.cloneNode(true)); }
      fields().forEach((pair, number) => {
        [0, 1].forEach(end => pair[end].value = spans[number] ? clock(spans[number][end]) : "");
      });
      how.value = spans.length ? "times" : night ? "none" : "never";
    }
    function rect(name, from, to) {
      var mark = document.createElementNS(svg.namespaceURI, "rect"), x = Math.max(from, start) - start;
      var box = { class: name, x, width: Math.max(0, Math.min(to - start, DAY) - x), height: 24 };
      Object.keys(box).forEach(key => mark.setAttribute(key, box[key]));
      svg.append(mark);
    }
    function draw(to) {
      var spans = read();
      svg.querySelectorAll(".mark, .ahead, .cursor").forEach(mark => mark.remove());
      spans.forEach(span => rect("mark", span[0], span[1]));
      if (begun !== null) { rect("ahead", Math.min(begun, to), Math.max(begun, to) + step); }
      if (document.activeElement === place) { rect("cursor", cursor, cursor + STEP); }
      var hours = spans.map(span => clock(span[0]) + "–" + clock(span[1])).join(", ");
      place.ariaLabel = fill(words.now, { days: row.dataset.row, hours: hours || how.selectedOptions[0].text }) + ". " + words.help;
    }
    // Remove the hours if the first one is painted already, else add them. A night has only one span.
    function paint(from, to) {
      var a = Math.min(from, to), b = Math.max(from, to) + step, spans = read();
      var out = spans.some(span => span[0] <= from && from < span[1]);
      var kept = night && !out ? [] : spans.flatMap(span => {
        if (span[1] < a || span[0] > b) { return [span]; }
        if (out) { return [[span[0], Math.min(a, span[1])], [Math.max(b, span[0]), span[1]]]; }
        a = Math.min(a, span[0]);
        b = Math.max(b, span[1]);
        return [];
      }).filter(span => span[0] < span[1]);
      say(out ? words.gone : words.done, a, b);
      write(out ? kept.slice(0, night ? 1 : 24) : kept.concat([[a, b]]).sort(order));
      begun = null;
      draw();
    }
    function at(event) {
      var box = svg.getBoundingClientRect();
      step = box.width < NARROW ? COARSE : STEP;
      return start + Math.max(0, Math.min(DAY / step - 1, Math.floor((event.clientX - box.left) / box.width * DAY / step))) * step;
    }
    function choose(to) {
      cursor = to;
      if (begun !== null) { paint(begun, to); return; }
      begun = to;
      say(words.begun, to, to);
      draw(to);
    }
    function move(to) {
      cursor = Math.max(start, Math.min(start + DAY - STEP, to));
      say(words.moved, cursor, cursor);
      draw(cursor);
    }

    place.tabIndex = 0;
    place.role = "application";
    svg.onpointerdown = event => {
      moved = false;
      if (event.button) { return; }
      held = at(event);
      svg.setPointerCapture(event.pointerId);
    };
    svg.onpointermove = event => {
      if (held === null || !moved && at(event) === held) { return; }
      moved = true;
      begun = held;
      draw(at(event));
    };
    svg.onpointerup = event => {
      if (held !== null && moved) { paint(held, at(event)); }
      held = null;
    };
    svg.onpointercancel = () => { held = begun = null; draw(); };
    svg.onclick = event => { if (!moved) { choose(at(event)); } };
    place.onkeydown = event => {
      step = STEP;
      var far = event.shiftKey ? 60 : STEP, to = {
        ArrowRight: cursor + far, ArrowUp: cursor + far, ArrowLeft: cursor - far, ArrowDown: cursor - far,
        Home: start, End: start + DAY
      }[event.key];
      if (to !== undefined) { move(to); }
      else if (event.key === " " || event.key === "Enter") { choose(cursor); }
      else if (event.key === "Escape") { begun = null; draw(); }
      else { return; }
      event.preventDefault();
    };
    place.onfocus = place.onblur = () => draw(cursor);
    list.oninput = () => { how.value = "times"; draw(); };
    how.onchange = () => draw();
    draw();
  }

  form.querySelector("[data-hint]").hidden = false;
  form.querySelectorAll("[data-paint]").forEach(bar);
})();
