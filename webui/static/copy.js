// Copies a value with one tap. Where the browser does not allow that, the value is selected, and the user copies it.
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
      // Plain HTTP has no navigator.clipboard; execCommand works over HTTP and HTTPS.
      if (document.execCommand("copy")) { button.textContent = button.dataset.done; }
    });
  });
})();
