"""Whatever a page can do, the API can: each form of the pages has its operation here, or why it has none."""

from __future__ import annotations

from flask import Flask

from webui.api.answering import OPERATIONS

SIGN_IN = "who asks says so with each request: there is nothing to sign in to"
PASSWORD = "a new password is typed in a browser of one's own, where the code on paper is shown once"
SHOWN_ONCE = "it puts away what the page shows once; the API tells it once by itself"
PASSKEY = "a passkey answers the browser's own call, and no program's"
PUSH = "a browser subscribes itself, with keys that no program has"
WALLET = "a wallet answers the browser's own call, and no program's"
SECOND_STEP = "a second step protects the sign-in of a browser; a program has a token"
ENCRYPT = "the token of a DNS provider is typed once, after the password"
AUTOMATION = "its permission is a token, which a token cannot make; the broker's password is typed once"
BROWSER = "it is of this browser alone; a program sends `Accept-Language`, and draws nothing"

OPERATION_OF: dict[str, tuple[str, ...]] = {
    "account.end": ("account_end", "account_end_others"),
    "activity.erase": ("activity_erase",),
    "traffic.watch": ("activity_start_traffic", "activity_end_traffic"),
    "asks.ask_for_site": ("my_ask_site",),
    "asks.ask_for_time": ("my_ask_time",),
    "asks.land": ("my_land",),
    "asks.redeem": ("my_redeem",),
    "band.save": ("rules_edit",),
    "basics.save": ("rules_edit",),
    "cards.back": ("devices_restore",),
    "cards.dismiss": ("devices_dismiss",),
    "codes.make": ("codes_make",),
    "codes.withdraw": ("codes_withdraw",),
    "door.sign_out": ("account_end",),
    "device.assign": ("devices_assign",),
    "device.assign_back": ("devices_assign",),
    "device.forget": ("devices_forget",),
    "device.name": ("devices_name",),
    "device.name_back": ("devices_name",),
    "devices.answer": ("devices_identify",),
    "devices.scan": ("devices_scan",),
    "disputes.send": ("my_ask_minutes",),
    "helper.grant": ("children_grant",),
    "helper.pause": ("children_pause",),
    "helper.resume": ("children_resume",),
    "helper.undo": ("children_revoke",),
    "home.grant": ("children_grant",),
    "home.pause": ("children_pause",),
    "home.resume": ("children_resume",),
    "home.turn_on": ("home_on",),
    "home.undo": ("children_revoke",),
    "kinds.save": ("rules_edit",),
    "laws.save": ("rules_edit",),
    "lending.hand_over": ("sharing_hand_over",),
    "lending.pin": ("sharing_set_pin", "sharing_clear_pin"),
    "lending.take_back": ("sharing_take_back",),
    "lending.use": ("sharing_use", "sharing_leave"),
    "limits.save": ("rules_edit",),
    "lists.add": ("lists_add",),
    "lists.add_back": ("lists_remove",),
    "lists.interval": ("family_edit",),
    "lists.remove": ("lists_remove",),
    "lists.report": ("lists_report",),
    "lists.switch": ("lists_add", "lists_remove"),
    "lists.switch_back": ("lists_add", "lists_remove"),
    "lists.unreport": ("lists_unreport",),
    "lists.update": ("lists_update",),
    "own_services.add": ("family_edit",),
    "own_services.remove": ("family_edit",),
    "own_services.save": ("family_edit",),
    "people.answer": ("people_answer",),
    "people.change": ("people_change",),
    "people.invite": ("people_invite",),
    "requests.answer": ("requests_answer", "requests_answer_site", "lists_report"),
    "rules.reset": ("rules_edit",),
    "rules.switch": ("rules_edit",),
    "rules.undo": ("rules_undo",),
    "activity.undo": ("rules_undo",),
    "services.save": ("rules_edit",),
    "sharing.adult": ("my_adult",),
    "sharing.claim": ("my_claim",),
    "sharing.leave": ("my_leave",),
    "sharing.set_pin": ("my_set_pin",),
    "sharing.use": ("my_use",),
    "sites.add": ("rules_edit",),
    "sites.remove": ("rules_edit",),
    "time.delete": ("my_erase",),
    "tokens.end": ("account_end_token",),
    "week.save": ("rules_edit",),
    "device_open.open_it": ("devices_open",),
    "device_open.close": ("devices_close",),
    "unlock.by_password": ("unlock_open",),
    "unlock.lock": ("unlock_close",),
    "device_use.manage": ("family_edit",),
    "device_use.manage_back": ("family_edit",),
    "device_use.mark": ("devices_mark",),
    "device_use.mark_back": ("devices_mark",),
    "device_use.share": ("family_edit",),
    "device_use.share_back": ("family_edit",),
    "family.save": ("family_edit",),
    "family.save_zone": ("family_edit",),
    "family.turn_off": ("home_off",),
    "family.turn_on": ("home_on",),
    "family.undo": ("family_undo",),
    "registers.switch": ("registers_switch",),
    "importing.look": ("children_add", "rules_edit"),
    "importing.take": ("children_add", "rules_edit"),
    "importing.undo": ("rules_undo", "children_remove"),
    "setup.devices_back": ("devices_assign",),
    "setup.fetch_lists": ("lists_add",),
    "setup.give": ("devices_assign", "family_edit"),
    "setup.remove": ("children_remove",),
    "setup.restore": ("children_restore",),
    "setup.save_devices": ("devices_assign", "family_edit"),
    "setup.save_people": ("children_add", "rules_edit"),
    "setup.speak": ("family_edit",),
    "growing.take": ("growing_take",),
    "agreement.say": ("agreement_say", "agreement_take_back"),
    "agreement.answer": ("agreement_agree", "agreement_end"),
    "selfset.bedtime": ("selfset_change",),
    "selfset.limit": ("selfset_change",),
    "growing.later": ("growing_later",),
    "site_repair.begin": ("teaching_begin",),
    "site_repair.end": ("teaching_end",),
    "alerts.save": ("alerts_save",),
    "channels.add": ("alerts_add",),
    "channels.off": ("alerts_end", "alerts_stop"),
    "alerts.test": ("alerts_test",),
    "backup.apply": ("backup_apply",),
    "backup.automatic": ("backup_set_automatic",),
    "backup.automatic_now": ("backup_automatic_now",),
    "backup.automatic_off": ("backup_no_automatic",),
    "backup.drop": ("backup_drop",),
    "backup.make": ("backup_make",),
    "backup.read": ("backup_read", "backup_look"),
    "backup.undo": ("backup_undo",),
    "health.again": ("health_again",),
    "health.set_access": ("health_access",),
    "health.set_switch": ("health_switch",),
    "health.set_counters": ("health_metrics_access",),
    "sharing.unlock": ("my_unlock",),
    "tests.again": ("proof_again",),
    "tests.end": ("proof_end",),
    "tests.site": ("rules_preview",),
    "tests.start": ("proof_start", "trial_start"),
    "tests.tell": ("proof_tell",),
}

WITHOUT: dict[str, str] = {
    "account.confirm": SIGN_IN,
    "account.new_recovery_code": PASSWORD,
    "account.set_password": PASSWORD,
    "claim.make_claim": PASSWORD,
    "claim.put_away": SHOWN_ONCE,
    "claim.recover": PASSWORD,
    "codes.put_away": SHOWN_ONCE,
    "door.use_code": SIGN_IN,
    "door.use_password": SIGN_IN,
    "door.use_second_step": SIGN_IN,
    "language.choose": BROWSER,
    "theme.choose": BROWSER,
    **dict.fromkeys(
        (f"passkeys.{name}" for name in ("ask_sign_in", "sign_in", "ask_proof", "prove", "ask_new", "add")),
        PASSKEY,
    ),
    **dict.fromkeys((f"push.{name}" for name in ("look", "off", "on", "on_child")), PUSH),
    "passkeys.start": PASSKEY,
    "passkeys.remove": "a program takes no way to sign in from a person",
    "second.new_codes": SECOND_STEP,
    "second.put_away": SHOWN_ONCE,
    "second.start": SECOND_STEP,
    "second.turn_off": SECOND_STEP,
    "second.turn_on": SECOND_STEP,
    "automation.off": AUTOMATION,
    "automation.save": AUTOMATION,
    "secure.get": ENCRYPT,
    "secure.stop": ENCRYPT,
    "wallet.answer": WALLET,
    "wallet.ask": WALLET,
    "tokens.make": "a token makes no token: whoever finds one cannot make it last",
}


def test_each_form_of_the_pages_has_its_operation_or_a_reason(app: Flask) -> None:
    forms = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and not rule.endpoint.startswith("api.")
    }
    assert forms - OPERATION_OF.keys() - WITHOUT.keys() == set(), "the pages can do what the API cannot"
    assert (OPERATION_OF.keys() | WITHOUT.keys()) - forms == set(), "there are no such forms any more"


def test_each_operation_named_here_is_there() -> None:
    names = {one.name for one in OPERATIONS}
    assert {name for several in OPERATION_OF.values() for name in several} <= names
    assert len(names) == len(OPERATIONS), "each name is one operation's"
