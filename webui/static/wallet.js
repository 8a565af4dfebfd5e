// Requests an adult proof from a wallet by the browser's Digital Credentials API. Without script the page offers a
// guardian's password.
(function () {
  "use strict";
  var part = document.getElementById("wallet");
  if (!part) { return; }
  var button = document.getElementById("show-proof"), message = document.getElementById("wallet-message"), words = part.dataset;

  function say(sentence) {
    message.textContent = sentence;
    message.hidden = !sentence;
    button.disabled = false;
  }

  function post(address, message) {
    var body = message === undefined ? "" : JSON.stringify(message);
    return fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: body, cache: "no-store" })
      .then(function (answer) { return answer.json(); })
      .catch(function () { throw new Error(words.gone); }) // no response, or an HTML error page
      .then(function (found) {
        if (found.problem) { throw new Error(found.problem); }
        return found;
      });
  }

  function asked(question) {
    return navigator.credentials.get(question).then(function (credential) {
      if (!credential) { throw new Error(words.none); }
      return { protocol: credential.protocol, data: credential.data };
    }, function (error) {
      // A browser reports a user who closes the wallet and a missing wallet in almost the same way.
      throw new Error(error.name === "NotAllowedError" || error.name === "AbortError" ? words.cancelled : words.none);
    });
  }

  function length() {
    return document.querySelector("input[name=length]:checked").value;
  }

  document.getElementById("no-script").hidden = true;
  if (!window.isSecureContext) { say(words.plain); return; }
  if (!navigator.credentials || !window.DigitalCredential) { say(words.browser); return; }
  button.hidden = false;
  button.addEventListener("click", function () {
    button.disabled = true;
    say("");
    button.disabled = true;
    post(words.ask).then(function (found) { return asked(found.request); })
      .then(function (response) { return post(words.answer, { length: length(), response: response }); })
      .then(function (found) { location.assign(found.open); }, function (error) { say(error.message || words.none); });
  });
})();
