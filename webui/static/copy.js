// A value can be copied with one tap. Without script, or where the browser does not let us, it is selected by hand.
(function () {
  "use strict";
  document.querySelectorAll("[data-copy]").forEach(function (button) {
    var source = document.getElementById(button.dataset.copy);
    button.hidden = false;
    button.addEventListener("click", function () {
      var range = document.createRange(), chosen = window.getSelection();
      range.selectNodeContents(source);
      chosen.removeAllRanges();
      chosen.addRange(range);
      // Plain HTTP has no navigator.clipboard; this works in both.
      if (document.execCommand("copy")) { button.textContent = button.dataset.done; }
    });
  });
})();
