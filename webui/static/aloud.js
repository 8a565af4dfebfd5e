// Reads a card aloud, by a voice of the device itself in the page's language. Without one nothing is there to tap.
(function () {
  "use strict";
  var speech = window.speechSynthesis;
  if (!speech || !window.SpeechSynthesisUtterance) { return; }
  var root = document.documentElement, language = root.lang.toLowerCase().split("-")[0], reading = "";

  // A voice of somebody's server would receive the page's text.
  function voice() {
    return speech.getVoices().filter(function (one) {
      return one.localService && one.lang.toLowerCase().split(/[-_]/)[0] === language;
    })[0];
  }

  function look() { root.classList.toggle("has-voice", Boolean(voice())); }

  // What stands in the card, piece by piece: a voice stops for breath where a piece ends.
  function pieces(part, found) {
    if (part.nodeType === 3) {
      var text = part.textContent.replace(/\s+/g, " ").trim();
      if (text) { found[found.length - 1] += (found[found.length - 1] ? " " : "") + text; }
      return found;
    }
    if (part.nodeType !== 1 || part.tagName === "BUTTON" || part.tagName === "DETAILS" || part.getAttribute("aria-hidden") === "true") { return found; }
    var block = !/^(inline|contents)/.test(getComputedStyle(part).display);
    if (block) { found.push(""); }
    part.childNodes.forEach(function (one) { pieces(one, found); });
    if (block) { found.push(""); }
    return found;
  }

  // The page renews itself: a button is known by what it is called.
  function show() {
    document.querySelectorAll("[data-aloud]").forEach(function (one) {
      one.setAttribute("aria-pressed", String(Boolean(reading) && one.getAttribute("aria-label") === reading));
    });
  }

  function stop() {
    reading = "";
    speech.cancel();
    show();
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-aloud]"), name = button && button.getAttribute("aria-label");
    if (!button) { return; }
    var again = name === reading;
    stop();
    if (again) { return; }
    reading = name;
    show();
    var all = pieces(button.closest("section"), [""]).filter(Boolean);
    all.forEach(function (text, place) {
      var said = new SpeechSynthesisUtterance(text);
      said.voice = voice();
      said.lang = said.voice.lang;
      said.rate = 0.9; // a little slower than people talk
      if (place === all.length - 1) { said.onend = function () { if (reading === name) { stop(); } }; }
      speech.speak(said);
    });
  });
  window.addEventListener("pagehide", stop);
  if (speech.addEventListener) { speech.addEventListener("voiceschanged", look); }
  look();
})();
