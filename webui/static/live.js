// Keeps a page fresh. Everything works without it: each part that changes is HTML which the server renders.
(function () {
  "use strict";
  var POLL = 15000; // milliseconds between two looks when nothing is heard
  var AGAIN = 5000; // milliseconds until a refused stream is asked for again
  var STOPPED = "503"; // the status of an answer without the filter
  var SETTLE = 150; // several changes at once become one look

  // Tells a control of the old HTML from the others, to find it again in the new.
  function key(one) {
    var part = one.closest("details"), card = one.closest("article");
    return [one.tagName, one.id, one.name, one.value, one.getAttribute("href"), one.form && one.form.getAttribute("action"), part && part.id, card && card.getAttribute("aria-labelledby")].join("|");
  }

  function isTick(field) { return field.type === "checkbox"; }

  // Whether somebody fills in a field: the part waits until the next look.
  function isTyping(region) {
    var one = document.activeElement;
    return region.contains(one) && /^(INPUT|TEXTAREA|SELECT)$/.test(one.tagName) && !isTick(one);
  }

  function fields(region) { return region.querySelectorAll("input:not([type=hidden]), select"); }

  function asRendered(field) {
    if (field.tagName !== "SELECT") { return field.defaultValue; }
    var chosen = Array.prototype.find.call(field.options, function (one) { return one.defaultSelected; });
    return (chosen || field.options[0] || { value: "" }).value;
  }

  // What was filled in but not sent, by the field's id.
  function filled(region) {
    var found = {};
    fields(region).forEach(function (one) {
      if (!one.id) { return; }
      if (isTick(one)) { if (one.checked !== one.defaultChecked) { found[one.id] = one.checked; } }
      else if (one.value !== asRendered(one)) { found[one.id] = one.value; }
    });
    return found;
  }

  // What belongs elsewhere on the page, such as the number of requests in its navigation.
  function deliver(region) {
    region.querySelectorAll("template[data-into]").forEach(function (part) {
      var place = document.getElementById(part.dataset.into);
      if (place && place.innerHTML !== part.innerHTML) { place.innerHTML = part.innerHTML; }
    });
  }

  function texts(region) { return Array.from(region.querySelectorAll("[role=status], [data-said]"), function (one) { return one.textContent; }); }

  // What was said aloud already is not said again because the part around it is new.
  function hush(region, said) {
    region.querySelectorAll("[role=status]").forEach(function (one) {
      if (said.indexOf(one.textContent) >= 0) { one.removeAttribute("role"); one.dataset.said = ""; }
    });
  }

  // The focus stays on the same control; where that is gone, on its card, and else on the part: never at the page's begin.
  function refocus(region, focused, card) {
    var same = Array.prototype.find.call(region.querySelectorAll("button, a, summary, input[type=checkbox]"), function (one) { return key(one) === focused; });
    if (same) { same.focus({ preventScroll: true }); if (document.activeElement === same) { return; } }
    var near = Array.prototype.find.call(region.querySelectorAll("article"), function (one) { return card && one.getAttribute("aria-labelledby") === card; }) || region;
    near.tabIndex = -1;
    near.focus({ preventScroll: true });
  }

  function replace(region, html) {
    var active = region.contains(document.activeElement) && document.activeElement, around = active && active.closest("article");
    var open = {}, kept = filled(region), said = texts(region), focused = active && key(active), card = around && around.getAttribute("aria-labelledby");
    region.querySelectorAll("details[open]").forEach(function (part) { open[part.id] = true; });
    region.innerHTML = html;
    region.querySelectorAll("details").forEach(function (part) { if (open[part.id]) { part.open = true; } });
    fields(region).forEach(function (one) { if (one.id in kept) { one[isTick(one) ? "checked" : "value"] = kept[one.id]; } });
    hush(region, said);
    deliver(region);
    if (focused) { refocus(region, focused, card); }
  }

  // What is shown is old: because nobody answers, or because the pages answer and the filter is stopped.
  function old(stale, status) {
    stale.querySelector("[data-stopped]").hidden = status !== STOPPED;
    stale.querySelector("[data-away]").hidden = status === STOPPED;
    stale.hidden = false;
  }

  function live(region) {
    var stale = document.getElementById("stale"), waiting = 0, last = region.innerHTML;
    function look() {
      waiting = 0;
      if (document.hidden) { return; }
      fetch(region.dataset.live, { credentials: "same-origin", redirect: "error" }).then(function (answer) {
        if (!answer.ok) { throw new Error(String(answer.status)); }
        return answer.text();
      }).then(function (html) {
        stale.hidden = true;
        if (html !== last && !isTyping(region)) { last = html; replace(region, html); }
      }).catch(function (error) { old(stale, error.message); });
    }
    function soon() { if (!waiting) { waiting = setTimeout(look, SETTLE); } }
    function listen() {
      var stream = new EventSource(region.dataset.stream);
      stream.addEventListener("changed", soon);
      stream.onerror = function () {
        // Closed for good means that all places are taken: look now and then, and ask for a place again.
        if (stream.readyState === EventSource.CLOSED) { soon(); setTimeout(listen, AGAIN); }
      };
    }

    deliver(region);
    region.addEventListener("change", soon);
    document.addEventListener("visibilitychange", soon);
    setInterval(look, POLL);
    if (region.dataset.stream && window.EventSource) { listen(); }
  }

  function retry(part) {
    setInterval(function () {
      fetch(part.dataset.retry, { credentials: "same-origin" }).then(function (answer) {
        if (answer.ok) { location.assign(part.dataset.retry); }
      }).catch(function () {});
    }, 3000);
  }

  // A clock that runs down; what the server says next puts it right.
  if (document.querySelector("[data-left]")) {
    setInterval(function () {
      document.querySelectorAll("[data-left]").forEach(function (one) {
        var left = Math.max(0, one.dataset.left - 1), seconds = left % 60;
        one.dataset.left = left;
        one.textContent = Math.floor(left / 60) + ":" + (seconds < 10 ? "0" : "") + seconds;
      });
    }, 1000);
  }

  // The gateway may not know the time: a parent's phone offers its own when it signs in.
  document.querySelectorAll("[data-time]").forEach(function (field) {
    field.form.addEventListener("submit", function () { field.value = new Date().toISOString(); });
  });
  document.querySelectorAll("[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { print(); });
  });
  document.querySelectorAll("[data-live]").forEach(live);
  document.querySelectorAll("[data-retry]").forEach(retry);
})();
