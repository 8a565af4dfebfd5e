// Opens a page as soon as the gateway has it. Without script the user loads it.
(function () {
  "use strict";
  document.querySelectorAll("[data-retry]").forEach(function (part) {
    setInterval(function () {
      if (document.hidden) { return; }
      fetch(part.dataset.retry, { credentials: "same-origin" }).then(function (answer) {
        if (answer.ok) { location.replace(part.dataset.retry); }
      }).catch(function () {});
    }, 3000);
  });
})();
