// The service worker: shows messages, and a stored page while the gateway does not respond. FILES, STORED and ICON precede it.
"use strict";

self.addEventListener("install", function (event) {
  self.skipWaiting();
  event.waitUntil(caches.open(STORED).then(function (cache) { return cache.addAll(FILES); }));
});

self.addEventListener("activate", function (event) {
  event.waitUntil(caches.keys().then(function (names) {
    return Promise.all(names.filter(function (name) { return name !== STORED; }).map(function (name) { return caches.delete(name); }));
  }).then(function () { return self.clients.claim(); }));
});

// Handles only opened pages and the stored files. The browser sends forms and everything else to the gateway.
self.addEventListener("fetch", function (event) {
  var request = event.request, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) { return; }
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(function () { return caches.match(FILES[0]); }));
  } else if (FILES.indexOf(url.pathname + url.search) > 0) {
    event.respondWith(caches.match(request).then(function (found) { return found || fetch(request); }));
  }
});

// Browsers cancel the subscription of a site that shows no notification for a message.
self.addEventListener("push", function (event) {
  var found = event.data ? event.data.json() : {};
  event.waitUntil(self.registration.showNotification(found.title || "", {
    body: found.body || "", tag: found.tag || "", data: found.path || "/", icon: ICON
  }));
});

self.addEventListener("notificationclick", function (event) {
  var address = new URL(event.notification.data, self.location.origin);
  event.notification.close();
  if (address.origin === self.location.origin) { event.waitUntil(self.clients.openWindow(address.href)); }
});
