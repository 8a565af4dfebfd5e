// Reads a card aloud with the device's own speech synthesis, in the page's language. The style sheet hides the button
// on a device without a local voice for that language.
(function () {
  "use strict";
  var speech = window.speechSynthesis;
  if (!speech || !window.SpeechSynthesisUtterance) { return; }
  var root = document.documentElement, language = root.lang.toLowerCase().split("-")[0], reading = "";

  // Return a local voice for the page's language, or undefined. A voice on a server would receive the page's text.
  function voice() {
    return speech.getVoices().filter(function (candidate) {
      return candidate.localService && candidate.lang.toLowerCase().split(/[-_]/)[0] === language;
    })[0];
  }

  // Mark the page if there is a voice, so that the buttons are shown.
  function look() { root.classList.toggle("has-voice", Boolean(voice())); }

  // Append the text of an element to `found`, one piece for each block element, and return `found`. The voice pauses
  // after each piece.
  function pieces(part, found) {
    if (part.nodeType === 3) {
      var text = part.textContent.replace(/\s+/g, " ").trim();
      if (text) { found[found.length - 1] += (found[found.length - 1] ? " " : "") + text; }
      return found;
    }
    if (part.nodeType !== 1 || part.tagName === "BUTTON" || part.tagName === "DETAILS" || part.getAttribute("aria-hidden") === "true") { return found; }
    var block = !/^(inline|contents)/.test(getComputedStyle(part).display);
    if (block) { found.push(""); }
    part.childNodes.forEach(function (child) { pieces(child, found); });
    if (block) { found.push(""); }
    return found;
  }

  // Mark the button whose card is being read. A live update replaces the buttons, so its label identifies it.
  function show() {
    document.querySelectorAll("[data-aloud]").forEach(function (button) {
      button.setAttribute("aria-pressed", String(Boolean(reading) && button.getAttribute("aria-label") === reading));
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
      said.rate = 0.9; // a little slower than normal speech
      if (place === all.length - 1) { said.onend = function () { if (reading === name) { stop(); } }; }
      speech.speak(said);
    });
  });
  window.addEventListener("pagehide", stop);
  if (speech.addEventListener) { speech.addEventListener("voiceschanged", look); }
  look();
})();
