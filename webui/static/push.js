// Turns messages on and off in this browser (Web Push). Without script or HTTPS the page says why there are none.
(function () {
  "use strict";
  var part = document.getElementById("push");
  if (!part) { return; }
  var words = part.dataset, message = part.querySelector("[role=status]"), buttons = part.querySelectorAll("button");

  function say(sentence) {
    message.textContent = sentence;
    message.hidden = !sentence;
  }

  // Show the button for the other state; "" for none.
  function show(on) {
    buttons[0].hidden = on !== false;
    buttons[1].hidden = on !== true;
    buttons[0].disabled = buttons[1].disabled = false;
  }

  function post(address, values) {
    var headers = { "Content-Type": "application/json" };
    return fetch(address, { method: "POST", headers: headers, body: JSON.stringify(values), cache: "no-store" })
      .then(function (answer) { return answer.json(); })
      .catch(function () { throw new Error(words.gone); }) // no response, or an HTML error page
      .then(function (found) {
        if (found.problem) { throw new Error(found.problem); }
        return found;
      });
  }

  function bytes(text) {
    return Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), function (letter) { return letter.charCodeAt(0); });
  }

  function subscription() {
    return navigator.serviceWorker.ready.then(function (worker) {
      return worker.pushManager.getSubscription().then(function (found) { return { manager: worker.pushManager, found: found }; });
    });
  }

  function turnOn() {
    return subscription().then(function (now) {
      // An old subscription may have another key.
      var ended = now.found ? now.found.unsubscribe() : Promise.resolve();
      return ended.then(function () { return post(words.look, {}); }).then(function (answer) {
        return now.manager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(answer.key) }).catch(function (error) {
          throw new Error(error.name === "NotAllowedError" ? words.denied : words.browser);
        });
      });
    }).then(function (made) {
      var plain = made.toJSON();
      return post(words.on, { endpoint: plain.endpoint, p256dh: plain.keys.p256dh, auth: plain.keys.auth });
    }).then(function () { say(words.isOn); show(true); });
  }

  function turnOff() {
    return subscription().then(function (now) {
      if (!now.found) { return null; }
      return post(words.off, { endpoint: now.found.endpoint }).then(function () { return now.found.unsubscribe(); });
    }).then(function () { say(words.isOff); show(false); });
  }

  function does(act) {
    return function () {
      say("");
      buttons[0].disabled = buttons[1].disabled = true;
      act().catch(function (error) {
        say(error.message || words.browser);
        buttons[0].disabled = buttons[1].disabled = false;
      });
    };
  }

  if (!window.isSecureContext || !navigator.serviceWorker || !window.PushManager) { say(words.browser); return; }
  buttons[0].addEventListener("click", does(turnOn));
  buttons[1].addEventListener("click", does(turnOff));
  subscription().then(function (now) {
    return now.found ? post(words.look, { endpoint: now.found.endpoint }).then(function (answer) { return answer.on; }) : false;
  }).then(show, function (error) { say(error.message || words.browser); });
})();
