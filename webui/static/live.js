// Keeps a page fresh. Everything works without it: each part that changes is HTML which the server renders.
(function () {
  "use strict";
  var POLL = 15000; // milliseconds between two looks where there is no stream
  var SETTLE = 150; // several changes at once become one look

  function replace(region, html) {
    var open = {}, focused = document.activeElement, key = "";
    region.querySelectorAll("details[open]").forEach(function (part) { open[part.id] = true; });
    if (region.contains(focused)) {
      key = [focused.id, focused.name, focused.value, focused.closest("article") && focused.closest("article").getAttribute("aria-labelledby")].join("|");
    }
    region.innerHTML = html;
    region.querySelectorAll("details").forEach(function (part) { if (open[part.id]) { part.open = true; } });
    if (!key) { return; }
    Array.prototype.some.call(region.querySelectorAll("button, a, summary"), function (one) {
      var card = one.closest("article");
      if ([one.id, one.name, one.value, card && card.getAttribute("aria-labelledby")].join("|") !== key) { return false; }
      one.focus({ preventScroll: true });
      return true;
    });
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
        if (html !== last) { last = html; replace(region, html); }
      }).catch(function () { stale.hidden = false; });
    }
    function soon() { if (!waiting) { waiting = setTimeout(look, SETTLE); } }
    function poll() { setInterval(look, POLL); }

    document.addEventListener("visibilitychange", soon);
    if (!region.dataset.stream || !window.EventSource) { poll(); return; }
    var stream = new EventSource(region.dataset.stream);
    stream.addEventListener("changed", soon);
    stream.onerror = function () {
      stale.hidden = stream.readyState !== EventSource.CONNECTING;
      if (stream.readyState === EventSource.CLOSED) { stream.close(); stale.hidden = true; poll(); }
    };
  }

  function retry(part) {
    setInterval(function () {
      fetch(part.dataset.retry, { credentials: "same-origin" }).then(function (answer) {
        if (answer.ok) { location.assign(part.dataset.retry); }
      }).catch(function () {});
    }, 3000);
  }

  document.querySelectorAll("[data-live]").forEach(live);
  document.querySelectorAll("[data-retry]").forEach(retry);
})();
