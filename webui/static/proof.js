// Runs the filter test on the child's device: requests each site of the test, and sends which ones were reached.
(function () {
  "use strict";
  var PATIENCE = 8000; // milliseconds; a blocked site may not respond at all
  var form = document.getElementById("results"), lines = document.querySelectorAll("[data-try]");

  function attempt(host) {
    var stop = new AbortController(), timer = setTimeout(function () { stop.abort(); }, PATIENCE);
    var how = { mode: "no-cors", cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer", signal: stop.signal };
    function said(result) {
      return function () { clearTimeout(timer); return result + " " + host; };
    }
    return fetch("https://" + host + "/favicon.ico", how).then(said("opened"), said("failed"));
  }

  function tell(results) {
    results.forEach(function (result) {
      var field = document.createElement("input");
      field.type = "hidden";
      field.name = "result";
      field.value = result;
      form.appendChild(field);
    });
    form.submit();
  }

  if (!form || !lines.length || !window.fetch || !window.AbortController) { return; }
  document.getElementById("trying").hidden = false;
  document.querySelectorAll("[data-by-hand]").forEach(function (part) { part.hidden = true; });
  Promise.all(Array.prototype.map.call(lines, function (line) { return attempt(line.dataset.try); })).then(tell);
})();
