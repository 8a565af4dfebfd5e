// Shows the password while it is typed, if the user ticks the box. Without script it stays hidden.
(function () {
  "use strict";
  document.querySelectorAll("[data-show]").forEach(function (label) {
    var field = document.getElementById(label.dataset.show), box = label.querySelector("input");
    label.hidden = false;
    box.addEventListener("change", function () { field.type = box.checked ? "text" : "password"; });
    field.form.addEventListener("submit", function () { field.type = "password"; });
  });
})();
