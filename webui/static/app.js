// Makes the pages installable, and shows the number of open requests on the app's icon. Needs HTTPS.
(function () {
  "use strict";
  if (navigator.serviceWorker) { navigator.serviceWorker.register("/sw.js"); }
  var waiting = document.getElementById("waiting");
  if (!waiting || !navigator.setAppBadge) { return; }
  function show() {
    var number = parseInt(waiting.textContent, 10) || 0;
    (number ? navigator.setAppBadge(number) : navigator.clearAppBadge()).catch(function () {}); // not installed
  }
  new MutationObserver(show).observe(waiting, { childList: true, subtree: true, characterData: true });
  show();
})();
