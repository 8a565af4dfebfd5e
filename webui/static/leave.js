// The quick exit: the page is gone from the history too. Without this it is a plain link.
document.addEventListener("click", function (event) {
  "use strict";
  var link = event.target.closest("[data-leave]");
  if (!link) { return; }
  event.preventDefault();
  location.replace(link.href);
});
