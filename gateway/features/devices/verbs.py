"""The verbs `devices`, `name_device`, `scan` and `lease`: list, name and find devices, take leases."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gateway.control.contract.devices import (
    ASSIGN,
    DEVICES,
    FORGET,
    LEASE,
    NAME_DEVICE,
    SCAN,
    DeviceDetails,
    DeviceList,
    DeviceOwner,
    DeviceRenamed,
    DevicesRequest,
    FormerAddress,
    LeaseRequest,
    NameDeviceRequest,
    ScanRequest,
    ScanState,
)
from gateway.control.protocol import Call, Role
from gateway.control.router import Router
from gateway.control.verbs import NoValues
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
from gateway.store.tables.audit import RecordAudit
from gateway.store.tables.device_marks import DeviceMarkTable
from gateway.store.tables.device_notes import LABEL_LIMIT, LABELS_LIMIT, DeviceNoteTable
from gateway.store.tables.devices import DeviceTable
from gateway.store.tables.questions import QuestionTable
from gateway.wire.lan.dhcp import MAX_OPTIONS, Dhcp, first_label, plain_text

_DISCOVER = 1  # message type for a lease, of which dnsmasq passes on what the device sent


class DeviceVerbs:
    """Control-socket verbs that list and name devices, scan the network for them, and receive DHCP leases."""

    def __init__(
        self,
        home: HomeContext,
        devices: DeviceTable,
        notes: DeviceNoteTable,
        marks: DeviceMarkTable,
        questions: QuestionTable,
        audit: RecordAudit,
        presence: Presence,
        visibility: Visibility,
        visible: VisibleDevices,
        device_questions: DeviceQuestions,
        access: Access,
        assignment: DeviceAssignment,
        proofs: AdultProofVerbs,
    ) -> None:
        self._home = home
        self._devices = devices
        self._notes = notes
        self._marks = marks
        self._questions = questions
        self._audit = audit
        self._presence = presence
        self._visibility = visibility
        self._visible = visible
        self._device_questions = device_questions
        self._access = access
        self._assignment = assignment
        self._proofs = proofs

    def register(self, router: Router) -> None:
        router.serve(DEVICES, self.devices)
        router.serve(SCAN, self.scan)
        router.serve(LEASE, self.lease)
        router.serve(NAME_DEVICE, self.name_device)
        router.serve(ASSIGN, self._assignment.assign)
        router.serve(FORGET, self._assignment.forget)

    # ------------------------------------------------------------------------------------ reading

    def devices(self, call: Call[DevicesRequest]) -> DeviceList:
        """Return all devices, or the device ``mac`` alone with its former addresses.

        ``brief``: without services, addresses and questions. The profiles, and whether a scan runs, are
        returned with ``mac`` or ``brief`` only. Raises ControlError as `DeviceAssignment.mac`.
        """
        self._presence.refresh()
        if call.args.mac is not None:
            mac = self._assignment.mac(call, call.args.mac)
            device = self._device(mac, **self._details(mac, self._through()), history=self._history(mac))
            return DeviceList((device,), self._people(), self._presence.scanning.running)
        macs = sorted(self._assignment.macs())
        if call.args.brief:
            devices = tuple(self._device(mac) for mac in macs)
            return DeviceList(devices, self._people(), self._presence.scanning.running)
        through = self._through()
        return DeviceList(tuple(self._device(mac, **self._details(mac, through)) for mac in macs))

    def _people(self) -> tuple[DeviceOwner, ...]:
        """Return the profiles that a device may be assigned to."""
        profiles = self._home.rules.household.profiles.values()
        return tuple(DeviceOwner(profile.id, profile.name, profile.is_child) for profile in profiles)

    def _device(self, mac: str, **details: Any) -> DeviceDetails:
        """Return the fields of a device that lists show, with ``details`` added.

        A list may omit the details, because a network may be full of invented devices.
        """
        presence = self._presence
        known, question = self._devices.all().get(mac), self._questions.all().get(mac)
        config, sight = self._home.rules.household.config, presence.inventory.sight(mac)
        return DeviceDetails(
            mac=mac,
            name=presence.here.name_of(mac),
            label=self._notes.labels().get(mac, ""),
            own_name=presence.here.own_name(mac),
            online=self._visible.online(mac),
            ip=self._visible.ip(mac),
            sightings=self._visibility.sightings(mac),
            profile=self._assignment.of(mac),
            until=None if known is None or known.until is None else known.until.astimezone(config.zone),
            vendor=sight.traits.vendor if sight else "",
            kind=sight.traits.kind if sight else "",
            model=sight.model if sight else "",
            system=sight.traits.vendor_class if sight else "",
            random=bool(int(mac[:2], 16) & 2),
            shared=tuple(config.shared.get(mac, ())),
            managed=tuple(config.managed.get(mac, ())),
            asked=question.ask if question is not None and question.waits else None,
            no_mobile_data=mac in self._marks.no_mobile_data,
            adult_proof=self._proofs.proof_of(mac),
            opens=self._proofs.opens(mac),
            undecided=self._assignment.undecided(mac),
            first_seen=self._visibility.seen(mac, known.first_seen) if known else None,
            last_seen=self._visibility.seen(mac, known.last_seen) if known else None,
            **details,
        )

    def _details(self, mac: str, through: Mapping[str, list[str]]) -> dict[str, object]:
        """Return the additional fields of a device's page: services, addresses, repeaters, open question."""
        inventory = self._presence.inventory
        sight, question = inventory.sight(mac), self._questions.all().get(mac)
        waits = question is not None and question.waits
        return {
            "services": tuple(sorted(sight.services)) if sight else (),
            "addresses": tuple(self._visible.addresses(mac)),
            "names": tuple(sight.names) if sight else (),
            "behind": tuple(sorted(inventory.behind(mac))),
            "through": tuple(sorted(through.get(mac, ()))),
            "question": self._device_questions.describe(question) if waits and question is not None else None,
        }

    def _through(self) -> Mapping[str, list[str]]:
        """Return the MAC addresses of the repeaters through which each device is connected, by its own."""
        inventory = self._presence.inventory
        through: dict[str, list[str]] = {}
        for mac in inventory.macs():
            for other in inventory.behind(mac):
                through.setdefault(other, []).append(mac)
        return through

    def _history(self, mac: str) -> tuple[FormerAddress, ...]:
        known = self._notes.history(mac)
        if not self._visibility.is_exact(mac):
            known = sorted(known, key=lambda entry: entry.address)
        seen = self._visibility.seen
        return tuple(
            FormerAddress(entry.address, seen(mac, entry.first), seen(mac, entry.last)) for entry in known
        )

    # ------------------------------------------------------------------------------------ changing

    def name_device(self, call: Call[NameDeviceRequest]) -> DeviceRenamed:
        """Set a guardian's name for a device; without ``name``, its own name is shown again.

        Return the name that is shown now, and the one that guardians had given it before. Raises
        ControlError for a name that is too long, or if too many devices have names.
        """
        by, mac = self._access.guardian(call), self._assignment.mac(call, call.args.mac)
        label = call.args.name or ""
        if len(label) > LABEL_LIMIT:
            call.refuse("name", f"has more than {LABEL_LIMIT} characters")
        notes = self._notes
        was = notes.labels().get(mac, "")
        if not notes.name(mac, label):
            raise ControlError.of(Code.TOO_MANY_NAMES, most=LABELS_LIMIT)
        now, origin = self._home.local_now(), call.text("origin", "")
        self._audit("name_device", f"{mac} {label or '-'}", by=by, at=now, origin=origin)
        name = self._presence.here.name_of(mac)
        self._home.publish("device", mac=mac, name=name)
        return DeviceRenamed(name, was)

    def scan(self, call: Call[ScanRequest]) -> ScanState:
        """Start a scan of the network for devices and return its state; with ``look``, only return it.

        Raises ControlError if no process can be started, and for a request from the pages a short
        time after the last scan.
        """
        scanning = self._presence.scanning
        if not call.args.look:
            self._access.guardian(call)
            if call.role is Role.WEB and not scanning.running and scanning.wait > 0:
                seconds = math.ceil(scanning.wait)
                raise ControlError.of(Code.SCANNED_JUST_NOW, seconds=seconds)
            try:
                scanning.start()
            except OSError as error:
                msg = f"scan: no program can be started: {error.strerror or error}"
                raise ControlError(msg) from None
        answered = scanning.found.difference(self._presence.ignored)
        found = tuple(sorted(mac for mac in answered if self._visibility.is_exact(mac)))
        return ScanState(scanning.running, found, scanning.problem)

    def lease(self, call: Call[LeaseRequest]) -> NoValues:
        """Update the inventory from a DHCP lease that dnsmasq gave or renewed. Only root may send it.

        The script gateway/lan/dhcp_script.py sends it. Ended leases are ignored.
        """
        call.owner_only()
        args, mac = call.args, parse_mac(call.args.mac)
        if mac is None:
            call.refuse("mac", "is no MAC address such as 02:00:00:00:00:0a")
        if args.action == "del":
            return NoValues()
        words = args.options.split(",")
        options = tuple(int(word) for word in words if word.isascii() and word.isdigit() and int(word) < 255)
        dhcp = Dhcp(
            version=4,
            message=_DISCOVER,
            host_name=first_label(args.supplied.encode()),
            vendor_class=plain_text(args.vendor_class.encode()),
            options=options[:MAX_OPTIONS],
        )
        name = first_label(args.name.encode())
        self._presence.inventory.lease(mac, name, dhcp=dhcp)
        return NoValues()
