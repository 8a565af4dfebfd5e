// Passes an address on by the device's own menu. Browsers offer that on pages with HTTPS only.
(function () {
  "use strict";
  if (!navigator.share) { return; }
  document.querySelectorAll("[data-share]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var shared = { title: button.dataset.title, url: document.getElementById(button.dataset.share).textContent };
      navigator.share(shared).catch(function () {}); // the user closed the menu
    });
  });
})();
