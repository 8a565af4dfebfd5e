// A password can be looked at while it is typed. Without script it stays hidden, and all else works.
(function () {
  "use strict";
  document.querySelectorAll("[data-show]").forEach(function (label) {
    var field = document.getElementById(label.dataset.show), box = label.querySelector("input");
    label.hidden = false;
    box.addEventListener("change", function () { field.type = box.checked ? "text" : "password"; });
    field.form.addEventListener("submit", function () { field.type = "password"; });
  });
})();
