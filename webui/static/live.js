// Updates the parts of a page that change with HTML of the server. Without script the user reloads the page.
(function () {
  "use strict";
  var POLL = 15000; // milliseconds between two requests without an event
  var AGAIN = 5000; // milliseconds until a rejected stream is requested again
  var STOPPED = "503"; // the status of a response while the filter is stopped
  var SETTLE = 150; // milliseconds in which several events become one request
  var PRESS = 5000; // milliseconds after which a press without a release, such as one in another window, is over

  // Between the press and the release of a key or a finger nothing is replaced: the release would hit another control.
  var pressed = 0;
  function isPressed() { return Date.now() - pressed < PRESS; }
  ["keydown", "pointerdown"].forEach(function (type) { document.addEventListener(type, function () { pressed = Date.now(); }, true); });
  // The click comes after the release.
  ["keyup", "pointerup", "pointercancel"].forEach(function (type) { document.addEventListener(type, function () { setTimeout(function () { pressed = 0; }, SETTLE); }, true); });

  // Returns a string that identifies a control, to find it again in the new HTML.
  function key(control) {
    var part = control.closest("details"), card = control.closest("article");
    return [control.tagName, control.id, control.name, control.value, control.getAttribute("href"), control.form && control.form.getAttribute("action"), part && part.id, card && card.getAttribute("aria-labelledby")].join("|");
  }

  function isTick(field) { return field.type === "checkbox"; }

  // While the user fills in a field, the part is not replaced.
  function isTyping(region) {
    var active = document.activeElement;
    return region.contains(active) && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName) && !isTick(active);
  }

  function fields(region) { return region.querySelectorAll("input:not([type=hidden]), select"); }

  function asRendered(field) {
    if (field.tagName !== "SELECT") { return field.defaultValue; }
    var chosen = Array.prototype.find.call(field.options, function (option) { return option.defaultSelected; });
    return (chosen || field.options[0] || { value: "" }).value;
  }

  // Return unsent input by the field's id.
  function filled(region) {
    var found = {};
    fields(region).forEach(function (field) {
      if (!field.id) { return; }
      if (isTick(field)) { if (field.checked !== field.defaultChecked) { found[field.id] = field.checked; } }
      else if (field.value !== asRendered(field)) { found[field.id] = field.value; }
    });
    return found;
  }

  // Fill other places of the page, such as the number of requests in the navigation.
  function deliver(region) {
    region.querySelectorAll("template[data-into]").forEach(function (part) {
      var place = document.getElementById(part.dataset.into);
      if (place && place.innerHTML !== part.innerHTML) { place.innerHTML = part.innerHTML; }
    });
  }

  function texts(region) { return Array.from(region.querySelectorAll("[role=status], [data-said]"), function (status) { return status.textContent; }); }

  // Keep a screen reader from reading unchanged texts again.
  function hush(region, said) {
    region.querySelectorAll("[role=status]").forEach(function (status) {
      if (said.indexOf(status.textContent) >= 0) { status.removeAttribute("role"); status.dataset.said = ""; }
    });
  }

  // Focus the same control as before, or else its card or the part, so that the keyboard does not start at the top.
  function refocus(region, focused, card) {
    var same = Array.prototype.find.call(region.querySelectorAll("button, a, summary, input[type=checkbox]"), function (control) { return key(control) === focused; });
    if (same) { same.focus({ preventScroll: true }); if (document.activeElement === same) { return; } }
    var near = Array.prototype.find.call(region.querySelectorAll("article"), function (article) { return card && article.getAttribute("aria-labelledby") === card; }) || region;
    near.tabIndex = -1;
    near.focus({ preventScroll: true });
  }

  // Keeps open details, unsent input and the focus.
  function replace(region, html) {
    var active = region.contains(document.activeElement) && document.activeElement, around = active && active.closest("article");
    var open = {}, kept = filled(region), said = texts(region), focused = active && key(active), card = around && around.getAttribute("aria-labelledby");
    region.querySelectorAll("details[open]").forEach(function (part) { open[part.id] = true; });
    region.innerHTML = html;
    region.querySelectorAll("details").forEach(function (part) { if (open[part.id]) { part.open = true; } });
    fields(region).forEach(function (field) { if (field.id in kept) { field[isTick(field) ? "checked" : "value"] = kept[field.id]; } });
    hush(region, said);
    deliver(region);
    if (focused) { refocus(region, focused, card); }
  }

  // Show that the page is out of date: no response, or the filter is stopped.
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
      if (isPressed()) { soon(); return; }
      fetch(region.dataset.live, { credentials: "same-origin", redirect: "error" }).then(function (answer) {
        if (!answer.ok) { throw new Error(String(answer.status)); }
        return answer.text();
      }).then(function (html) {
        stale.hidden = true;
        if (isPressed()) { soon(); } else if (html !== last && !isTyping(region)) { last = html; replace(region, html); }
      }).catch(function (error) { old(stale, error.message); });
    }
    function soon() { if (!waiting) { waiting = setTimeout(look, SETTLE); } }
    function listen() {
      var stream = new EventSource(region.dataset.stream);
      stream.addEventListener("changed", soon);
      stream.onerror = function () {
        // No stream is free: update now, and request one again later.
        if (stream.readyState === EventSource.CLOSED) { soon(); setTimeout(listen, AGAIN); }
      };
    }

    deliver(region);
    region.addEventListener("change", soon);
    document.addEventListener("visibilitychange", soon);
    setInterval(look, POLL);
    if (region.dataset.stream && window.EventSource) { listen(); }
  }

  // Count down each second. The next HTML of the server corrects the value.
  if (document.querySelector("[data-left]")) {
    setInterval(function () {
      document.querySelectorAll("[data-left]").forEach(function (timer) {
        var left = Math.max(0, timer.dataset.left - 1), seconds = left % 60;
        timer.dataset.left = left;
        timer.textContent = Math.floor(left / 60) + ":" + (seconds < 10 ? "0" : "") + seconds;
      });
    }, 1000);
  }

  // Send the phone's time with the sign-in: the gateway may not know it.
  document.querySelectorAll("[data-time]").forEach(function (field) {
    field.form.addEventListener("submit", function () { field.value = new Date().toISOString(); });
  });
  document.querySelectorAll("[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { print(); });
  });
  document.querySelectorAll("[data-live]").forEach(live);
})();
