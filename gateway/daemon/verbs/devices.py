"""What may be asked and told of devices over the control socket: the list, names, scans, dnsmasq's leases."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from gateway.codes import Code
from gateway.control.protocol import Request, Role, Verb
from gateway.daemon.devices.places import Places
from gateway.daemon.eyes import Eyes
from gateway.daemon.verbs.adultproof import AdultProofVerbs
from gateway.daemon.verbs.whom import Whom
from gateway.errors import ControlError
from gateway.policy.macs import parse_mac
from gateway.store.devicenotes import LABEL_LIMIT, LABELS_LIMIT
from gateway.wire.dhcp import MAX_OPTIONS, Dhcp, first_label, plain_text

if TYPE_CHECKING:
    from gateway.daemon.main import Daemon

_DISCOVER = 1  # what dnsmasq tells of is what the device asked for


class DeviceVerbs:
    """``device`` describes one: MAC, name, whether it is online, address."""

    def __init__(
        self,
        daemon: Daemon,
        whom: Whom,
        places: Places,
        device: Callable[[str], dict[str, object]],
        proofs: AdultProofVerbs,
    ) -> None:
        self._daemon = daemon
        self._whom = whom
        self._places, self._eyes = places, Eyes(daemon)
        self._device = device
        self._proofs = proofs

    def table(self) -> Mapping[str, Verb]:
        return {
            "devices": self.devices,
            "scan": self.scan,
            "lease": self.lease,
            "name_device": self.name_device,
            "assign": self._places.assign,
            "forget": self._places.forget,
        }

    # ------------------------------------------------------------------------------------ what is known

    def devices(self, request: Request) -> Mapping[str, object]:
        """All, ``brief``ly for a page that lists them; or ``mac`` alone, with the addresses that it had."""
        self._daemon.presence.refresh()
        if request.has("mac"):
            mac = self._places.mac(request)
            one = self._whole(mac, self._through()) | {"history": list(self._history(mac))}
            return {"devices": [one]} | self._people()
        macs = sorted(self._places.macs())
        if request.has("brief"):
            return {"devices": [self._brief(mac) for mac in macs]} | self._people()
        through = self._through()
        return {"devices": [self._whole(mac, through) for mac in macs]}

    def _people(self) -> dict[str, object]:
        """To whom a device may be given, and whether a scan runs."""
        people = [
            {"id": one.id, "name": one.name, "child": one.is_child}
            for one in self._daemon.rules.household.profiles.values()
        ]
        return {"people": people, "scanning": self._daemon.presence.scanning.running}

    def _brief(self, mac: str) -> dict[str, object]:
        """Where it belongs and what it is, as a list shows it; a home full of invented devices has room."""
        presence, known = self._daemon.presence, self._daemon.store.devices.all().get(mac)
        zone, sight = self._daemon.rules.household.config.zone, presence.inventory.sight(mac)
        question = self._daemon.store.questions.all().get(mac)
        config, proof = self._daemon.rules.household.config, self._daemon.adults.of(mac)
        return self._device(mac) | {
            "label": self._daemon.store.notes.labels().get(mac, ""),
            "own_name": presence.here.own_name(mac),
            "profile": self._places.of(mac),
            "until": known.until.astimezone(zone) if known is not None and known.until is not None else None,
            "vendor": sight.traits.vendor if sight else "",
            "kind": sight.traits.kind if sight else "",
            "model": sight.model if sight else "",
            "system": sight.traits.vendor_class if sight else "",
            "random": bool(int(mac[:2], 16) & 2),
            "shared": list(config.shared.get(mac, ())),
            "managed": list(config.managed.get(mac, ())),
            "asked": question.ask if question is not None and question.waits else None,
            "no_mobile_data": mac in self._daemon.store.marks.no_mobile_data,
            "adult_proof": None if proof is None else self._proofs.told(proof),
            "opens": self._proofs.opens(mac),
            "first_seen": self._eyes.seen(mac, known.first_seen) if known else None,
            "last_seen": self._eyes.seen(mac, known.last_seen) if known else None,
        }

    def _whole(self, mac: str, through: Mapping[str, list[str]]) -> dict[str, object]:
        """And what it says of itself."""
        presence, asking = self._daemon.presence, self._daemon.identities.asking
        sight, question = presence.inventory.sight(mac), self._daemon.store.questions.all().get(mac)
        waits = question is not None and question.waits
        return self._brief(mac) | {
            "services": sorted(sight.services) if sight else [],
            "addresses": self._eyes.addresses(mac),
            "names": list(sight.names) if sight else [],
            "behind": sorted(presence.inventory.behind(mac)),
            "through": sorted(through.get(mac, ())),
            "question": asking.describe(question) if waits and question is not None else None,
        }

    def _through(self) -> Mapping[str, list[str]]:
        """By MAC, the repeaters that it is behind."""
        inventory = self._daemon.presence.inventory
        through: dict[str, list[str]] = {}
        for mac in inventory.macs():
            for other in inventory.behind(mac):
                through.setdefault(other, []).append(mac)
        return through

    def _history(self, mac: str) -> Iterator[dict[str, object]]:
        found = self._daemon.store.notes.history(mac)
        if not self._eyes.is_exact(mac):
            found = sorted(found, key=lambda one: one.address)
        for one in found:
            first, last = (self._eyes.seen(mac, at) for at in (one.first, one.last))
            yield {"address": one.address, "first": first, "last": last}

    # ------------------------------------------------------------------------------------ what is told

    def name_device(self, request: Request) -> Mapping[str, object]:
        """What a guardian calls it; without ``name`` it is called as it calls itself."""
        by, mac = self._whom.guardian(request), self._places.mac(request)
        label = request.text_or_none("name") or ""
        if len(label) > LABEL_LIMIT:
            request.refuse("name", f"has more than {LABEL_LIMIT} characters")
        daemon, notes = self._daemon, self._daemon.store.notes
        was = notes.labels().get(mac, "")
        if not notes.name(mac, label):
            problem = f"is one too many: {LABELS_LIMIT} devices have names already"
            request.refuse("name", problem, Code.TOO_MANY_NAMES, most=LABELS_LIMIT)
        now, origin = daemon.local_now(), request.text("origin", "")
        daemon.store.audit("name_device", f"{mac} {label or '-'}", by=by, at=now, origin=origin)
        daemon.control.publish("device", mac=mac, name=daemon.presence.here.name_of(mac))
        return {"name": daemon.presence.here.name_of(mac), "was": was}

    def scan(self, request: Request) -> Mapping[str, object]:
        """Start one, or with ``look`` say how the last one is."""
        scanning = self._daemon.presence.scanning
        if not request.has("look"):
            self._whom.guardian(request)
            if request.role is Role.WEB and not scanning.running and scanning.wait > 0:
                seconds = math.ceil(scanning.wait)
                msg = f"scan: there was one just now; try again in {seconds} s"
                raise ControlError(msg).coded(Code.SCANNED_JUST_NOW, seconds=seconds)
            try:
                scanning.start()
            except OSError as error:
                msg = f"scan: no program can be started: {error.strerror or error}"
                raise ControlError(msg) from None
        answered = scanning.found.difference(self._daemon.presence.ignored)
        found = sorted(mac for mac in answered if self._eyes.is_exact(mac))
        return {"running": scanning.running, "found": found, "problem": scanning.problem}

    def lease(self, request: Request) -> Mapping[str, object]:
        """dnsmasq gave, renewed or ended one; gateway/home/dhcp_script.py tells it."""
        request.owner_only()
        mac = parse_mac(request.text("mac"))
        if mac is None:
            request.refuse("mac", "is no MAC address such as 02:00:00:00:00:0a")
        if request.choice("action", ("add", "old", "del")) == "del":
            return {}
        words = request.text("options", "").split(",")
        options = tuple(int(word) for word in words if word.isascii() and word.isdigit() and int(word) < 255)
        said = Dhcp(
            version=4,
            message=_DISCOVER,
            host_name=first_label(request.text("supplied", "").encode()),
            vendor_class=plain_text(request.text("vendor_class", "").encode()),
            options=options[:MAX_OPTIONS],
        )
        self._daemon.presence.inventory.lease(mac, first_label(request.text("name", "").encode()), dhcp=said)
        return {}
