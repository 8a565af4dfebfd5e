// The quick exit: opens the link in place of this page, so that the browser's history does not have it. Without script
// it is a plain link.
document.addEventListener("click", function (event) {
  "use strict";
  var link = event.target.closest("[data-leave]");
  if (!link) { return; }
  event.preventDefault();
  location.replace(link.href);
});
