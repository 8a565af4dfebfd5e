// Uses and adds passkeys by the browser's Web Authentication API. Without script the pages offer the password.
(function () {
  "use strict";
  var part = document.getElementById("passkey");
  if (!part) { return; }
  var button = part.querySelector("button"), message = part.querySelector("[role=alert]"), words = part.dataset;

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

  // Binary values are base64url in JSON.
  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (letter) { return letter.charCodeAt(0); });
  }

  function text(buffer) {
    var plain = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function descriptors(list) {
    return list.map(function (one) { return { type: one.type, id: bytes(one.id) }; });
  }

  function create(options) {
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = descriptors(options.excludeCredentials);
    return navigator.credentials.create({ publicKey: options }).then(function (made) {
      return { id: made.id, client_data: text(made.response.clientDataJSON), data: text(made.response.attestationObject) };
    });
  }

  function get(options) {
    options.allowCredentials = descriptors(options.allowCredentials);
    return navigator.credentials.get({ publicKey: options }).then(function (used) {
      var found = used.response, user = found.userHandle;
      return {
        id: used.id, client_data: text(found.clientDataJSON), data: text(found.authenticatorData),
        signature: text(found.signature), user: user ? text(user) : ""
      };
    });
  }

  function answered(options) {
    var challenge = options.challenge, label = document.getElementById("passkey-label");
    options.challenge = bytes(challenge);
    return (words.create ? create : get)(options).then(function (answer) {
      return { challenge: challenge, answer: answer, label: label ? label.value : "" };
    }, function (error) {
      if (error.name === "InvalidStateError") { throw new Error(words.known); }
      throw new Error(error.name === "NotAllowedError" || error.name === "AbortError" ? words.cancelled : words.browser);
    });
  }

  function next(found) {
    var form = document.getElementById(words.form);
    if (form) { form.submit(); } else { location.assign(found.open); }
  }

  var instead = document.getElementById("no-script");
  if (instead) { instead.hidden = true; }
  part.hidden = false;
  if (!window.isSecureContext || !window.PublicKeyCredential) { say(words.browser); return; }
  button.hidden = false;
  button.addEventListener("click", function () {
    say("");
    button.disabled = true;
    post(words.ask).then(function (found) { return answered(found.options); })
      .then(function (answer) { return post(words.answer, answer); })
      .then(next, function (error) { say(error.message || words.browser); });
  });
})();
