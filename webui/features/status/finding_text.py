"""Words the findings of the health check: what is wrong, and what to do, by the finding's code."""

from __future__ import annotations

from gateway.control.contract.health import FindingEntry
from webui.language.i18n import gettext as _
from webui.language.words import plain

LIMIT = 120  # characters of a value


def worded(finding: FindingEntry) -> tuple[str, str]:
    """Return two texts about a finding of the health check: what was found, and what to do (empty: nothing).

    Both are empty for a code that this version does not know. If the finding's values are left out, as for
    the provider's support, texts that need them are empty.
    """
    text, advice = _texts().get(finding.code, ("", ""))
    values = {key: plain(value, LIMIT) for key, value in (finding.values or {}).items()}
    try:
        return text % values, advice % values
    except KeyError:
        return "", advice if "%(" not in advice else ""


def worded_problem(code: str) -> tuple[str, str]:
    """Return a text about the part of the gateway that does not work, and one about what to do.

    ``code``: that of a `HomeProblem`. An unknown code gives a general text.
    """
    unknown = _("A part of the gateway does not work."), _("Ask whoever set up the gateway.")
    return _problems().get(code, unknown)


def _problems() -> dict[str, tuple[str, str]]:
    helper = _("Ask whoever set up the gateway.")
    room = _("Make room on its storage, or ask whoever set up the gateway.")
    return {
        "lan_missing": (_("A network of the home is missing on the gateway."), _("Check its cables.")),
        "household_mistake": (
            _("The rules or settings on the gateway have a mistake. The previous ones apply."),
            helper,
        ),
        "overloaded": (_("The gateway has too much to do. Some requests wait."), _("Restart it.")),
        "table_changed": (
            _("Another program on the gateway turns the filter off again and again, for a moment each time."),
            helper,
        ),
        "not_saved": (
            _("The gateway cannot save all data. A restart may lose changes and activity."),
            room,
        ),
        "copy_used": (
            _("The gateway’s stored data was damaged, or its copy cannot be saved. Some may be missing."),
            _("Check accounts, PINs and devices."),
        ),
        "backup_failed": (
            _("The last automatic backup failed."),
            _("Check that the USB stick is plugged in and has room."),
        ),
        "backup_incomplete": (
            _("Backups do not contain some files of rules or calendars."),
            _("The page of backups says which, and what to do."),
        ),
        "minutes_not_saved": (
            _("The gateway cannot save used minutes. They count, but a restart loses them."),
            room,
        ),
        "guard_not_saved": (
            _("The gateway cannot save the rules for its next start. After a power cut, older ones apply."),
            room,
        ),
        "pages_missing": (
            _("These pages do not run all the time, so a blocked site may not say why it is blocked."),
            helper,
        ),
        "help_resolver": (_("While the filter is stopped, help sites cannot be found by name."), helper),
        "offload_stays": (_("The router sends some connections past the filter to be faster."), room),
        "sealed_problem": (_("A list that applies to everyone is too old or not in use."), helper),
        "lists_wait": (
            _("The lists of sites cannot be updated."),
            _("The page of the lists shows what they wait for."),
        ),
        "address_claimed": (
            _("A device pretends to be the gateway. It may read what other devices send."),
            _("Health shows which one. Take it off the Wi-Fi until you know why."),
        ),
    }


def _texts() -> dict[str, tuple[str, str]]:
    nothing = _("You do not have to do anything.")
    helper = _("Ask whoever set up the gateway.")
    update = _("Update the lists.")
    return {
        "unread": (_("This could not be checked."), nothing),
        # The home's network.
        "no_interface": (
            _("The network port %(name)s does not exist."),
            _("Correct the home network in the router’s settings."),
        ),
        "bridge_port": (
            _("%(name)s is a part of %(bridge)s, so its devices are not filtered."),
            _("Use %(bridge)s as the home network instead."),
        ),
        "unfiltered_devices": (
            _("These devices are not filtered until you say who uses them: %(names)s."),
            _("Choose on Home or in Devices who uses each of them."),
        ),
        "lan_down": (_("The network %(name)s is off."), _("Turn it on.")),
        "lan_no_address": (
            _("The network %(name)s has no address, so no device uses this gateway."),
            _("Give it an address, and make it the gateway of your devices."),
        ),
        "bridge_tapped": (_("Another program disturbs calls and videos on %(name)s."), helper),
        "bridge_firewall": (_("A firewall also checks traffic between your own devices."), nothing),
        "address_claims": (_("On %(name)s a device could pretend to be the gateway."), helper),
        "no_internet": (_("There is no internet connection."), _("Check the modem and its cable.")),
        "one_arm": (_("Your devices and the internet share one port: %(name)s."), nothing),
        "ipv6_router": (
            _("Devices can bypass the gateway over IPv6."),
            _("Turn IPv6 off in the other router."),
        ),
        "redirects": (_("The gateway shows devices a way past the filter."), helper),
        "no_dhcp": (
            _("Devices may use another router and bypass the filter."),
            _("Make this gateway the default gateway in the other router’s DHCP settings."),
        ),
        "bridged": (
            _("Traffic between the ports of %(name)s bypasses the filter."),
            _("Give the home a network of its own behind the gateway."),
        ),
        "shared_address": (_("Your provider shares one internet address between homes."), nothing),
        "double_nat": (
            _("There is a second router in front of this gateway."),
            _("Nothing for the filter. For games and servers, put that router in bridge mode."),
        ),
        "same_network": (
            _("%(inside)s and %(outside)s both use the addresses %(network)s."),
            _("Give %(inside)s other addresses."),
        ),
        "container_network": (
            _("Programs on the gateway use the network %(name)s. It is not filtered."),
            nothing,
        ),
        "unfiltered_network": (
            _("Devices on the network %(name)s are not filtered."),
            _("If people of the home use it, add it to the home networks."),
        ),
        "thread_router": (
            _("A speaker or TV acts as a router for smart home devices."),
            nothing,
        ),
        "other_router": (
            _("Another device says it is a router: %(device)s. Devices may bypass the filter."),
            _("Turn this off in that device."),
        ),
        "other_dhcp": (
            _("%(count)s of %(all)s devices did not get their address here. Another router may give them."),
            _("Find the second router or repeater, and turn its DHCP off."),
        ),
        "no_lease": (_("%(count)s of %(all)s devices did not get their address here."), nothing),
        "router_open": (
            _("Children and guests can reach everything on the router."),
            _("Change it in Settings, under The gateway itself."),
        ),
        "no_forwarding": (_("No device reaches the internet through this gateway."), helper),
        "no_ipv6_forwarding": (_("Devices use only IPv4 through this gateway."), nothing),
        "ipv6_open": (
            _("Your devices can be reached from the internet over IPv6."),
            _("Turn on a firewall on the gateway."),
        ),
        "no_masquerade": (
            _("Answers from the internet bypass the filter on %(name)s."),
            _("Give the home a network of its own behind the gateway."),
        ),
        "untranslated": (_("Answers from the internet do not reach the network %(network)s."), helper),
        # The household's rules and settings.
        "settings_mistake": (
            _("The settings on the gateway have a mistake. The part with the mistake is not used."),
            helper,
        ),
        "filter_off": (_("The router does not start the filter."), _("Turn it on in the router’s settings.")),
        "pages_off": (
            _("The router does not start these pages."),
            _("Turn them on in the router’s settings."),
        ),
        "brand_mistake": (_("A part of the provider’s design is wrong and not used."), helper),
        "no_country": (
            _("No country is chosen, so public holidays and local help lines are missing."),
            _("Choose the country in Settings."),
        ),
        "unknown_country": (_("We do not know the public holidays of your country."), nothing),
        "rule_mistake": (
            _("The rules on the gateway have a mistake. The previous rules apply."),
            helper,
        ),
        "rule_warning": (_("The rules of %(name)s use an old form."), nothing),
        "own_service": (
            _("Your own service %(name)s replaces one that we know already."),
            _("Remove yours if you do not need it."),
        ),
        "own_rule": (
            _("A rule of %(name)s blocks %(host)s, and with it %(site)s, which should always work."),
            _("Remove the rule if this is a mistake."),
        ),
        "product_damaged": (
            _("A part of the filter is missing or damaged."),
            _("Install the same version again."),
        ),
        # Lists.
        "table_broken": (_("The lists of sites cannot be used."), update),
        "list_old": (_("The list %(name)s is %(days)s days old."), update),
        "list_failed": (_("The last update of a list failed."), update),
        "lists_old": (_("The newest list is %(days)s days old."), update),
        "lists_none": (
            _("No list was downloaded yet. Most sites of blocked categories are open."),
            update,
        ),
        "feed_failed": (_("The last check for new data failed."), _("The gateway will try again.")),
        "feed_unchecked": (_("New data was never checked for."), _("The gateway will try again.")),
        "register_failed": (_("The register %(name)s could not be downloaded."), update),
        "sealed_unused": (_("A list that applies to everyone is not in use."), helper),
        "sealed_old": (_("The list of %(name)s is too old. It stays in use until a new one comes."), nothing),
        # The gateway.
        "offload": (
            _("The router sends some connections past the filter to be faster."),
            _("Turn off flow offloading in the router’s settings."),
        ),
        "offload_software": (_("The network chip does not help to send connections faster."), nothing),
        "queue_taken": (_("Another program takes packets from the filter."), helper),
        "marks_copied": (_("Another program on the gateway marks packets too."), nothing),
        "marks_taken": (_("Another program overwrites the marks of the filter."), helper),
        "provider_unchecked": (_("Your provider’s server could change the family’s settings."), helper),
        "captive_api": (_("Devices without mobile data could show sooner why they are blocked."), helper),
        "pages_silent": (_("These pages were stopped, so nothing explained what was blocked."), nothing),
        "pages_address": (_("These pages cannot use the address that is set."), helper),
        "no_queue": (_("A part of the system that the filter needs is missing."), helper),
        "other_filter": (
            _("%(name)s blocks sites on this gateway too. These pages cannot explain its blocks."),
            nothing,
        ),
        "no_resolver": (
            _("While the filter is stopped, help sites cannot be found by name."),
            helper,
        ),
        "folder_broken": (_("The gateway cannot save anything."), helper),
        "disk_full": (_("The storage of the gateway is full."), _("Make room, or use a larger disk.")),
        "disk_in_memory": (
            _("The gateway saves only in memory. A restart deletes used minutes, extra time and lists."),
            _("Use a disk or a USB stick."),
        ),
        "disk_small": (
            _("The storage has %(size)s MB. Large lists do not fit."),
            _("For large lists use a USB stick."),
        ),
        "disk_little_room": (
            _("%(free)s MB of storage are free. Lists need up to %(needed)s MB."),
            _("Make room, or use a USB stick."),
        ),
        "clock_wrong": (
            _("The clock of the gateway is wrong."),
            _("Sign in with your phone: the gateway can take the time from it."),
        ),
        "no_timezone": (
            _("No time zone is chosen, so bedtimes may be some hours off."),
            _("Choose the time zone in Settings."),
        ),
        "no_time_service": (_("No program keeps the clock of the gateway right."), helper),
        "certificate_wrong": (_("The certificate of these pages has a mistake."), helper),
        "certificate_ended": (
            _("The certificate of these pages is not valid now. They are not encrypted."),
            helper,
        ),
        "certificate_ends": (
            _("The certificate of these pages ends in %(days)s days and was not renewed."),
            helper,
        ),
        "key_open": (_("Other programs on the gateway can read the key of these pages."), helper),
        "name_elsewhere": (_("On the internet, %(name)s leads to another place than this gateway."), helper),
    }
