"""Verbs about devices: the list, names, scans, dnsmasq's leases."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from gateway.control.protocol import Request, Role
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.devices.assignment import DeviceAssignment
from gateway.features.devices.questions import DeviceQuestions
from gateway.features.sharing.adult_proof import AdultProofVerbs
from gateway.household.context import HomeContext
from gateway.household.presence import Presence
from gateway.household.visibility import Visibility, VisibleDevices
from gateway.policy.identity.macs import parse_mac
from gateway.store.store import Store
from gateway.store.tables.device_notes import LABEL_LIMIT, LABELS_LIMIT
from gateway.wire.lan.dhcp import MAX_OPTIONS, Dhcp, first_label, plain_text

_DISCOVER = 1  # the message type of a lease: dnsmasq passes on what the device sent


class DeviceVerbs:
    """``describe_device`` returns name, presence and address of a device, as far as they may be shown."""

    def __init__(
        self,
        home: HomeContext,
        store: Store,
        presence: Presence,
        visibility: Visibility,
        visible: VisibleDevices,
        device_questions: DeviceQuestions,
        access: Access,
        assignment: DeviceAssignment,
        describe_device: Callable[[str], dict[str, object]],
        proofs: AdultProofVerbs,
    ) -> None:
        self._home = home
        self._store = store
        self._presence = presence
        self._visibility = visibility
        self._visible = visible
        self._device_questions = device_questions
        self._access = access
        self._assignment = assignment
        self._describe_device = describe_device
        self._proofs = proofs

    def register(self, router: Router) -> None:
        router.add("devices", self.devices)
        router.add("scan", self.scan)
        router.add("lease", self.lease)
        router.add("name_device", self.name_device)
        router.add("assign", self._assignment.assign)
        router.add("forget", self._assignment.forget)

    # ------------------------------------------------------------------------------------ reading

    def devices(self, request: Request) -> Mapping[str, object]:
        """Return all devices, ``brief`` for a list; or ``mac`` alone, with the addresses that it had."""
        self._presence.refresh()
        if request.has("mac"):
            mac = self._assignment.mac(request)
            device = self._details(mac, self._through()) | {"history": list(self._history(mac))}
            return {"devices": [device]} | self._people()
        macs = sorted(self._assignment.macs())
        if request.has("brief"):
            return {"devices": [self._brief(mac) for mac in macs]} | self._people()
        through = self._through()
        return {"devices": [self._details(mac, through) for mac in macs]}

    def _people(self) -> dict[str, object]:
        """Return the profiles that a device may be assigned to, and whether a scan runs."""
        people = [
            {"id": profile.id, "name": profile.name, "child": profile.is_child}
            for profile in self._home.rules.household.profiles.values()
        ]
        return {"people": people, "scanning": self._presence.scanning.running}

    def _brief(self, mac: str) -> dict[str, object]:
        """Return what a list shows. It is short because a network may be full of invented devices."""
        presence, store = self._presence, self._store
        known, question = store.devices.all().get(mac), store.questions.all().get(mac)
        config, sight = self._home.rules.household.config, presence.inventory.sight(mac)
        until = None if known is None or known.until is None else known.until.astimezone(config.zone)
        return self._describe_device(mac) | {
            "label": store.notes.labels().get(mac, ""),
            "own_name": presence.here.own_name(mac),
            "profile": self._assignment.of(mac),
            "until": until,
            "vendor": sight.traits.vendor if sight else "",
            "kind": sight.traits.kind if sight else "",
            "model": sight.model if sight else "",
            "system": sight.traits.vendor_class if sight else "",
            "random": bool(int(mac[:2], 16) & 2),
            "shared": list(config.shared.get(mac, ())),
            "managed": list(config.managed.get(mac, ())),
            "asked": question.ask if question is not None and question.waits else None,
            "no_mobile_data": mac in store.marks.no_mobile_data,
            "adult_proof": self._proofs.proof_of(mac),
            "opens": self._proofs.opens(mac),
            "first_seen": self._visibility.seen(mac, known.first_seen) if known else None,
            "last_seen": self._visibility.seen(mac, known.last_seen) if known else None,
        }

    def _details(self, mac: str, through: Mapping[str, list[str]]) -> dict[str, object]:
        """Return what a device's own page shows."""
        inventory = self._presence.inventory
        sight, question = inventory.sight(mac), self._store.questions.all().get(mac)
        waits = question is not None and question.waits
        return self._brief(mac) | {
            "services": sorted(sight.services) if sight else [],
            "addresses": self._visible.addresses(mac),
            "names": list(sight.names) if sight else [],
            "behind": sorted(inventory.behind(mac)),
            "through": sorted(through.get(mac, ())),
            "question": self._device_questions.describe(question) if waits and question is not None else None,
        }

    def _through(self) -> Mapping[str, list[str]]:
        """Return by MAC the repeaters that a device is behind."""
        inventory = self._presence.inventory
        through: dict[str, list[str]] = {}
        for mac in inventory.macs():
            for other in inventory.behind(mac):
                through.setdefault(other, []).append(mac)
        return through

    def _history(self, mac: str) -> Iterator[dict[str, object]]:
        known = self._store.notes.history(mac)
        if not self._visibility.is_exact(mac):
            known = sorted(known, key=lambda entry: entry.address)
        for entry in known:
            first, last = (self._visibility.seen(mac, at) for at in (entry.first, entry.last))
            yield {"address": entry.address, "first": first, "last": last}

    # ------------------------------------------------------------------------------------ changing

    def name_device(self, request: Request) -> Mapping[str, object]:
        """Set a guardian's name for a device; without ``name``, use the device's own name again."""
        by, mac = self._access.guardian(request), self._assignment.mac(request)
        label = request.text_or_none("name") or ""
        if len(label) > LABEL_LIMIT:
            request.refuse("name", f"has more than {LABEL_LIMIT} characters")
        notes = self._store.notes
        was = notes.labels().get(mac, "")
        if not notes.name(mac, label):
            problem = f"is one too many: {LABELS_LIMIT} devices have names already"
            request.refuse("name", problem, Code.TOO_MANY_NAMES, most=LABELS_LIMIT)
        now, origin = self._home.local_now(), request.text("origin", "")
        self._store.audit("name_device", f"{mac} {label or '-'}", by=by, at=now, origin=origin)
        name = self._presence.here.name_of(mac)
        self._home.publish("device", mac=mac, name=name)
        return {"name": name, "was": was}

    def scan(self, request: Request) -> Mapping[str, object]:
        """Start a scan, or with ``look`` return the state of the last one."""
        scanning = self._presence.scanning
        if not request.has("look"):
            self._access.guardian(request)
            if request.role is Role.WEB and not scanning.running and scanning.wait > 0:
                seconds = math.ceil(scanning.wait)
                msg = f"scan: there was one just now; try again in {seconds} s"
                raise ControlError(msg).coded(Code.SCANNED_JUST_NOW, seconds=seconds)
            try:
                scanning.start()
            except OSError as error:
                msg = f"scan: no program can be started: {error.strerror or error}"
                raise ControlError(msg) from None
        answered = scanning.found.difference(self._presence.ignored)
        found = sorted(mac for mac in answered if self._visibility.is_exact(mac))
        return {"running": scanning.running, "found": found, "problem": scanning.problem}

    def lease(self, request: Request) -> Mapping[str, object]:
        """Note a lease that dnsmasq gave, renewed or ended. Sent by gateway/lan/dhcp_script.py."""
        request.owner_only()
        mac = parse_mac(request.text("mac"))
        if mac is None:
            request.refuse("mac", "is no MAC address such as 02:00:00:00:00:0a")
        if request.choice("action", ("add", "old", "del")) == "del":
            return {}
        words = request.text("options", "").split(",")
        options = tuple(int(word) for word in words if word.isascii() and word.isdigit() and int(word) < 255)
        dhcp = Dhcp(
            version=4,
            message=_DISCOVER,
            host_name=first_label(request.text("supplied", "").encode()),
            vendor_class=plain_text(request.text("vendor_class", "").encode()),
            options=options[:MAX_OPTIONS],
        )
        name = first_label(request.text("name", "").encode())
        self._presence.inventory.lease(mac, name, dhcp=dhcp)
        return {}
