"""Reason codes of refusals, for programs and translators, each with its sentence.

A code never changes its meaning. Its sentence may change at any time: the daemon sends it, the command line
and LuCI print it, the pages translate it (`webui/language/refusals.py`). The sentence names the values that
come with the code; in brackets: further values, for programs.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Code(StrEnum):
    """A reason why a request is refused. ``sentence``: the English text with placeholders for its values."""

    sentence: str

    def __new__(cls, value: str, sentence: str = "") -> Self:
        code = str.__new__(cls, value)
        code._value_ = value
        code.sentence = sentence
        return code

    # Without a sentence: the code that raises the error writes its text.
    # Anything else, such as a rule file or the disk.
    REFUSED = "refused"
    # A value that is missing or has the wrong type; without a key for a command over MQTT. [key]
    INVALID = "invalid"
    NO_SUCH_VERB = "no_such_verb"
    ROOT_ONLY = "root_only"

    BUSY = "busy", "The gateway is busy now. Try again in a moment."

    # Accounts and permissions.
    NO_GUARDIAN = (
        "no_guardian",
        "No parent has an account with this name here. Check the name, or sign in again.",
    )
    LINK_USED = "link_used", "This code is used or older than 15 minutes. Ask for a new one."
    SESSION_ENDED = "session_ended", "This session has ended. Sign in again."
    GUARDIANS_ONLY = "guardians_only", "This is for parents. Ask one of them."
    # More than a helper may give. Minutes: what is left today.
    HELPER_MINUTES = (
        "helper_minutes",
        "That is more than you may give. You can give %(minutes)d min more today.",
    )
    # A helper ends or shortens another person's pause.
    NOT_YOUR_PAUSE = "not_your_pause", "%(by)s set this pause. Ask %(by)s to change it."
    WRONG_PASSWORD = "wrong_password", "Name or password is wrong. Check small and capital letters."
    WRONG_RECOVERY = "wrong_recovery", "This recovery code does not belong to that name. Check the paper."
    WRONG_LABEL = "wrong_label", "This is not the code on the gateway's label. Check it."
    NO_BUTTON = "no_button", "The button was not pressed within two minutes. Press it, then try again."
    CLAIMED = "claimed", "This gateway has a parent’s account already. Sign in instead."
    NOT_FROM_HOME = "not_from_home", "This device is not on the home's own network. Join its Wi-Fi first."
    NAME_TAKEN = "name_taken", "The name %(name)s is taken. Choose another one."
    TOO_MANY_PEOPLE = "too_many_people", "There are %(most)d people already. Remove one first."
    LAST_GUARDIAN = "last_guardian", "This is the only parent’s account. Add another parent first."
    # A new link for a guardian who has signed in before.
    CONSOLE_ONLY = (
        "console_only",
        "%(name)s is a parent and has signed in before. A new link comes from the gateway itself.",
    )
    NO_PROPOSAL = "no_proposal", "This question is already closed."
    WRONG_TOKEN = "wrong_token", "This token is wrong, or it has ended. Make a new one at My account."
    TOO_MANY_TOKENS = "too_many_tokens", "There are %(most)d tokens already. End one first."
    # This guardian has no token with this id.
    NO_TOKEN = "no_token", "This token no longer exists. Go back and reload."
    FACTOR_NEEDED = "factor_needed", "This account has a second step. Enter a code of its app too."
    FACTOR_WRONG = "factor_wrong", "This code is wrong, or it was used before. Wait for the app’s next one."
    FACTOR_LATE = "factor_late", "That took longer than ten minutes. Start again."
    FACTOR_ON = "factor_on", "The second step is on already."
    FACTOR_OFF = "factor_off", "The second step is off already."
    # Codes of an app depend on the time.
    FACTOR_TIME = "factor_time", "The gateway does not know the time yet. Enter a backup code instead."
    # The package pyotp is not installed.
    FACTOR_MISSING = (
        "factor_missing",
        "The part that checks app codes is not installed on the gateway. Ask whoever set it up.",
    )
    PASSKEY_WRONG = (
        "passkey_wrong",
        "This passkey is not known here, or its answer is wrong. Use your password.",
    )
    # Its answer cannot be verified now.
    PASSKEY_UNCHECKED = (
        "passkey_unchecked",
        "The gateway could not check the passkey. Try again in a moment, or use your password.",
    )
    # The challenge is older than five minutes, or was used before.
    PASSKEY_LATE = "passkey_late", "That took longer than five minutes. Try again."
    # Its signature counter went back.
    PASSKEY_COPIED = (
        "passkey_copied",
        "This passkey may have been copied, so it is rejected. Sign in with your password and remove it.",
    )
    # The account has no such passkey, or none for the trusted name.
    PASSKEY_NONE = "passkey_none", "This passkey no longer exists. Go back and reload."
    PASSKEY_KNOWN = "passkey_known", "This device already has a passkey for your account."
    PASSKEY_PASSWORD = "passkey_password", "Set a password first. It signs you in if you lose the passkey."
    # The package fido2 is not installed.
    PASSKEY_MISSING = (
        "passkey_missing",
        "The part that checks passkeys is not installed on the gateway. Use your password.",
    )
    # The gateway has no trusted name.
    PASSKEY_NAMELESS = (
        "passkey_nameless",
        "Passkeys need encrypted pages at a name of your own, and this home has none.",
    )
    PASSKEYS_FULL = "passkeys_full", "You have %(most)d passkeys. Remove one first."
    # The session's last proof of the password is older than ten minutes.
    PROOF_NEEDED = "proof_needed", "This needs your password again. Sign in again, then repeat it."
    NO_PROFILE = "no_profile", "There are no such rules here. Check the name, or go back and reload."
    NO_CHILDREN = "no_children", "There is no child yet. Add a child and assign a device first."
    NO_CHILD = "no_child", "%(name)s is not a child, so there is nothing to change."
    TRIAL_RUNS = "trial_runs", "A bypass test is running already. Wait until it has ended."
    NOT_FILTERED = (
        "not_filtered",
        "This device is not filtered here, or was never seen. No rules apply to it.",
    )
    NEW_DEVICE = "new_device", "This is a new device. Choose who uses it first."
    NO_DEVICE_OF_A_CHILD = (
        "no_device_of_a_child",
        "This device belongs to no child. Ask a parent to choose who uses it.",
    )

    # Pauses, extra time, and a child's time to finish a game (landing).
    HAS_PASSED = "has_passed", "That time has passed. Choose a later one."
    CHILD_PAUSED = "child_paused", "This device is one of %(name)s, who is paused. Resume them all."
    NO_SERVICE = "no_service", "There is no such app or service here. Check its name, or go back and reload."
    NOTHING_TO_EXTEND = "nothing_to_extend", "%(name)s has no time limit now. There is nothing to extend."
    NOT_IN_FORCE = "not_in_force", "This time is over already. There is nothing to take back."
    NO_EXTRA_TIME = "no_extra_time", "There is no extra time to take back."
    NO_LANDING = "no_landing", "%(name)s has no minutes to finish a game. Ask for time instead."
    LANDING_IN_PAUSE = (
        "landing_in_pause",
        "%(name)s is paused. Finishing a game waits until the pause is over.",
    )
    LANDED = "landed", "%(name)s has already used “Finish my game” today. It works once a day."
    LANDING_LATE = "landing_late", "%(name)s has no time for more than an hour. Ask for time instead."
    LANDING_EARLY = (
        "landing_early",
        "%(name)s has more than 15 minutes left. “Finish my game” is for the end.",
    )

    # Codes on paper.
    NO_CODES_FOR = "no_codes_for", "This device is no child's. Codes are for children."
    TOO_MANY_CODES = (
        "too_many_codes",
        "There are %(unused)d unused codes, and there can be %(most)d. Withdraw some first.",
    )
    NO_GOOD_CODES = "no_good_codes", "None of these codes works any longer."
    CODE_UNKNOWN = "code_unknown", "This code is not from this home. Check the paper."
    CODE_OF_ANOTHER = "code_of_another", "This code is for someone else. Ask for your own."
    CODE_USED = "code_used", "This code was used before. Each code works once."
    CODE_OLD = "code_old", "This code is older than %(days)d days. Ask for a new one."
    CODE_IN_PAUSE = "code_in_pause", "%(name)s is paused. Keep the code and enter it later."
    TOO_MANY_TRIES = (
        "too_many_tries",
        "This device has tried too many wrong codes. Try again in %(minutes)d min.",
    )

    # Requests.
    NOTHING_TO_ASK = "nothing_to_ask", "%(name)s has no time limit now. There is nothing to ask for."
    NOT_REFUSED = (
        "not_refused",
        "%(host)s is not blocked for %(name)s. If it does not open now, ask for time.",
    )
    # Name: of the site or service.
    OPEN_NOW = "open_now", "%(name)s is allowed now. Try it."
    FOR_EVERYONE = "for_everyone", "%(host)s is blocked for everyone. No one here can allow it."
    # Too many names that are blocked for everyone within a minute.
    ASK_LATER = "ask_later", "You asked for too many sites that no one here can allow. Ask again in a minute."
    NOT_ASKABLE = "not_askable", "%(host)s cannot be asked for here. Talk to a parent about it."
    # A site of a blocked category would be opened permanently. [category, categories, entry]
    CONFIRM_NEEDED = "confirm_needed", "%(name)s is in a blocked category. Confirm that it stays allowed."
    REASON_TOO_LONG = "reason_too_long", "The reason is too long. Write at most %(most)d letters."
    ASKED_TOO_OFTEN = "asked_too_often", "You asked %(times)d times today. Ask again tomorrow, or in person."
    TOO_MANY_WAIT = "too_many_wait", "%(most)d requests wait for an answer. Answer some of them first."
    NO_REQUEST = "no_request", "This request is gone."
    REQUEST_EXPIRED = "request_expired", "This request has expired. Give time on the home page instead."
    ANSWERED_BEFORE = "answered_before", "This request was answered before. Each is answered once."
    # None of these counted on this child's devices.
    NO_SUCH_MINUTES = "no_such_minutes", "These minutes are no longer in the list. Go back and reload."
    # An answer that only a request for a site can have.
    NOT_FOR_TIME = "not_for_time", "Time is given in minutes. Say how many."
    # There is no card of this type for this device.
    NO_CARD = "no_card", "This card is already gone."
    # No question about this device is open now.
    NO_QUESTION = "no_question", "Another parent has answered this already."
    # The previous device belongs to no single profile.
    SAY_WHOSE = "say_whose", "The old device does not belong to one person. Choose who uses this one."

    # The household's files.
    # Problem and fix are in English. [key]
    BAD_RULE = "bad_rule", "This cannot be set: %(problem)s. To fix it: %(fix)s."
    # The file, or the proposed change of an account, changed after it was read.
    CHANGED_MEANWHILE = "changed_meanwhile", "This has changed in the meantime. Reload and try again."
    # Set in the router's own settings. [key, option, file]
    ROUTERS_OWN = "routers_own", "The router's own settings decide this. Change it there."
    # A file was broken by hand; nothing is changed until it is fixed. [file, fix]
    FILE_BROKEN = "file_broken", "Rules set on the gateway have a mistake: %(problem)s. Fix it there first."
    NO_REVISION = "no_revision", "That version is no longer stored."
    NOT_WRITTEN = "not_written", "Nothing was changed, because it could not be saved: %(why)s."
    # The household's file names the profile or service. [key]
    STILL_NAMED = "still_named", "The home's settings use %(name)s. Change that first."
    # Names: of the people whose rules name the service.
    SERVICE_USED = "service_used", "The rules of %(names)s use %(name)s. Remove it from these rules first."
    # The catalogue has a service with this id.
    SERVICE_KNOWN = "service_known", "There is a service called %(name)s already. Use another name."
    TOO_MANY_PROFILES = "too_many_profiles", "There can be %(most)d people here. Remove one first."

    # The transition to the next age group.
    # None is proposed.
    NO_STEP = "no_step", "There is no next age group of %(name)s to answer now. Reload the page."
    # It cannot be postponed to that month, or not again. [name]
    NOT_LATER = "not_later", "It can be put off once, to one of the six months after its own."
    # Adulthood is proposed: it can be neither postponed nor overridden.
    ADULT_NEXT = "adult_next", "At 18 the rules of %(name)s end. This cannot be put off."
    # The reason that the child reads is missing or too long.
    NO_REASON = "no_reason", "Write a reason of at most %(most)d letters. The child reads it."

    # This child's times are rules, not suggestions.
    NOT_SELF_SET = (
        "not_self_set",
        "Only at 16 and 17 a person sets their own times. Others set the times of %(name)s.",
    )

    # Devices.
    NO_DEVICE = "no_device", "This device is not known here. Check its address, or go back and reload."
    DEVICE_SHARED = "device_shared", "Several people share this device. End that first, then give it to one."
    TOO_MANY_NAMES = "too_many_names", "%(most)d devices have names already. Remove one name first."
    SCANNED_JUST_NOW = (
        "scanned_just_now",
        "The gateway looked for devices just now. Try again in %(seconds)d s.",
    )

    # Lists.
    NO_LIST = "no_list", "There is no such list here. Check its name, or go back and reload."
    NOT_OUTSIDE = "not_outside", "Lists are downloaded from the internet. Enter an internet address."
    LIST_NOT_ADDED = "list_not_added", "This list is here already, or there are 16 lists. Remove one first."
    NOT_LISTED = "not_listed", "%(host)s is on no list, so there is nothing to report."
    # The household's file has no register of that state.
    NO_REGISTER = "no_register", "There is no such register here. Check the country, or go back and reload."
    # Blocked by a state's register as long as that is enabled.
    ON_REGISTER = (
        "on_register",
        "%(host)s is on a state register that is on in this home. A parent can turn the register off.",
    )

    BAD_ADDRESS = "bad_address", "This is not a web address. It begins with https:// or http://."
    # An Apprise address of a service that is not allowed.
    BAD_CHANNEL = "bad_channel", "No service that can be used here has an address like this."
    # Not a host name, or not one of the chosen DNS provider.
    NO_HOST_NAME = "no_host_name", "The provider has no such name. Write it as the provider’s page shows it."

    # Shared devices, PINs, handed-over devices.
    # The device is not shared, or not with this person.
    NOT_SHARED = "not_shared", "This device is no longer shared with this person. Go back and reload."
    # No child uses the device, or another one does.
    NOBODY_USES = "nobody_uses", "That is over already."
    # The child shares no such device.
    NO_SCREEN = "no_screen", "You do not share this screen. Ask a parent."
    SCREEN_TAKEN = "screen_taken", "%(name)s is on it now. When %(name)s is done, it is free."
    NO_DEVICE_OF_AN_ADULT = "no_device_of_an_adult", "Only an adult's device can be handed over."
    NOT_A_STRANGER = "not_a_stranger", "This device is known here. A parent chooses who uses it."
    # A proof of age does not open it.
    CHILDS_DEVICE = (
        "childs_device",
        "This device is a child's own, so it stays with that child's rules. A parent can give extra time.",
    )
    # Until a parent assigns the device.
    MAY_BE_A_CHILDS = (
        "may_be_a_childs",
        "This may be a child's device with another address. It can be unlocked once a parent has chosen "
        "who uses it.",
    )
    # A child wants to claim a shared device that an adult uses.
    OPEN_FOR_AN_ADULT = "open_for_an_adult", "An adult has it now. When that is over, it is free."
    # Until a parent takes the device back.
    HANDED_OVER = "handed_over", "This device is handed over to a child. A parent signs in to take it back."
    NO_ROOM = "no_room", "There are too many of these already. A parent can end some."
    NO_PIN = "no_pin", "%(name)s has no PIN yet. It is set on %(name)s's own device, or by a parent."
    PIN_WRONG = "pin_wrong", "This is not %(name)s's PIN."
    PIN_FORM = "pin_form", "A PIN has %(least)d to %(most)d digits."
    PIN_GUESSED = "pin_guessed", "This PIN is too easy to guess. Choose another."
    # A child sets it on its own device.
    PIN_ELSEWHERE = "pin_elsewhere", "A PIN is set on your own device, or by a parent."
    TRIED_TOO_OFTEN = "tried_too_often", "Too many attempts. Try again in %(minutes)d min."

    # Backups.
    BACKUP_PASSWORD = "backup_password", "A backup's password has %(least)d to %(most)d letters."
    # Most: MiB.
    BACKUP_LARGE = (
        "backup_large",
        "There is more than %(most)d MB to keep. A large calendar may be the reason.",
    )
    # Names: files of rules and calendars.
    BACKUP_LEFT_OUT = (
        "backup_left_out",
        "Not in a backup: %(names)s. Give each file a name of its own, of Latin letters, digits and hyphens, "
        "that ends in .yaml or .ics. A backup holds at most 64 calendars, as UTF-8 text.",
    )
    # Key: of a backup's content, as in docs/families/backup.md.
    BACKUP_ENTRIES = (
        "backup_entries",
        "A backup holds at most %(most)d entries of %(key)s, and there are more. Remove some first.",
    )
    BACKUP_LOCKED = "backup_locked", "The password is wrong, or the file is damaged."
    BACKUP_BROKEN = "backup_broken", "This is not a backup of this filter, or it is damaged."
    BACKUP_NEWER = "backup_newer", "This backup was made by a newer version. Update this gateway first."
    # No drive is mounted at this folder.
    NO_DRIVE = "no_drive", "This drive is not here. Plug in the USB stick and choose it again."
    # The upload or download has ended, is incomplete, or is another guardian's.
    BACKUP_GONE = "backup_gone", "The file is no longer here. Choose it again."
    # Nothing was restored, or something has changed since.
    NO_WAY_BACK = "no_way_back", "Something has changed since, so this cannot be undone."

    # Site repair.
    NO_REPAIR = "no_lesson", "This repair is over. There is nothing left to keep."
    # No guardian may see the live traffic of this device.
    TRAFFIC_PRIVATE = "traffic_private", "The traffic of this device is private."
    # By a pause, bedtime or a limit.
    REPAIR_CLOSED = (
        "lesson_closed",
        "A pause, bedtime, schedule or limit blocks %(name)s now, and a repair lifts none of these. End "
        "it or give time first.",
    )
    # By a rule that a site repair does not lift.
    REPAIR_REFUSED = (
        "lesson_refused",
        "A rule that a repair cannot lift blocks %(host)s for %(name)s. Change that rule first.",
    )

    # No guardian lets the provider do this.
    NOT_APPROVED = "not_approved", "No parent has allowed this. They can on the page Health."

    CLOCK_WRONG = "clock_wrong", "The clock of this phone is wrong. Set it first."
