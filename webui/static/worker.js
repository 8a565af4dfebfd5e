// The service worker: shows messages, and a stored page while the gateway is not reached. FILES, STORED and ICON are before this.
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

// Only opened pages and the stored files; forms and everything else go to the gateway as without this script.
self.addEventListener("fetch", function (event) {
  var request = event.request, url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) { return; }
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(function () { return caches.match(FILES[0]); }));
  } else if (FILES.indexOf(url.pathname + url.search) > 0) {
    event.respondWith(caches.match(request).then(function (found) { return found || fetch(request); }));
  }
});

// Browsers end the subscription of a site that shows nothing for a message.
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
