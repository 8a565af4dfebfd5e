"""Reason codes of refusals, for programs and translators. A code never changes its meaning.

The English sentence of a refusal may change at any time. In brackets: the values that come with the code.
"""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    REFUSED = "refused"  # anything else, such as a rule file or the disk; only the sentence explains it
    INVALID = "invalid"  # a value that is missing or has the wrong type [key]
    NO_SUCH_VERB = "no_such_verb"
    ROOT_ONLY = "root_only"
    BUSY = "busy"

    # Accounts and permissions.
    NO_GUARDIAN = "no_guardian"
    LINK_USED = "link_used"
    SESSION_ENDED = "session_ended"
    GUARDIANS_ONLY = "guardians_only"  # the account is no guardian's
    HELPER_MINUTES = "helper_minutes"  # more than a helper may give [minutes: left]
    NOT_YOUR_PAUSE = "not_your_pause"  # a helper ends or shortens another person's pause [by]
    WRONG_PASSWORD = "wrong_password"
    WRONG_RECOVERY = "wrong_recovery"
    WRONG_LABEL = "wrong_label"
    NO_BUTTON = "no_button"  # the router's button was not pressed within two minutes
    CLAIMED = "claimed"  # there is a guardian already
    NOT_FROM_HOME = "not_from_home"
    NAME_TAKEN = "name_taken"  # [name]
    TOO_MANY_PEOPLE = "too_many_people"  # [most]
    LAST_GUARDIAN = "last_guardian"
    CONSOLE_ONLY = "console_only"  # a link for a guardian who has signed in before [name]
    NO_PROPOSAL = "no_proposal"
    WRONG_TOKEN = "wrong_token"  # unknown, ended or expired
    TOO_MANY_TOKENS = "too_many_tokens"  # [most]
    NO_TOKEN = "no_token"  # with this id, of this guardian
    FACTOR_NEEDED = "factor_needed"  # the account has a second factor, and its code is missing
    FACTOR_WRONG = "factor_wrong"  # a wrong or used code of a second factor
    FACTOR_LATE = "factor_late"  # a new second factor was not confirmed within ten minutes
    FACTOR_ON = "factor_on"  # the account has a second factor already
    FACTOR_OFF = "factor_off"  # the account has no second factor
    FACTOR_TIME = "factor_time"  # the gateway does not know the time, which codes of an app depend on
    FACTOR_MISSING = "factor_missing"  # the package for second factors is not installed
    PASSKEY_WRONG = "passkey_wrong"  # an unknown passkey, or a wrong answer of it
    PASSKEY_UNCHECKED = "passkey_unchecked"  # its answer cannot be verified now
    PASSKEY_LATE = "passkey_late"  # the challenge is older than five minutes, or was used before
    PASSKEY_COPIED = "passkey_copied"  # its signature counter went back
    PASSKEY_NONE = "passkey_none"  # the account has no such passkey, or none for the trusted name
    PASSKEY_KNOWN = "passkey_known"  # it is registered already
    PASSKEY_PASSWORD = "passkey_password"  # an account without a password adds none
    PASSKEY_MISSING = "passkey_missing"  # the package for passkeys is not installed
    PASSKEY_NAMELESS = "passkey_nameless"  # the gateway has no trusted name
    PASSKEYS_FULL = "passkeys_full"  # [most]
    PROOF_NEEDED = "proof_needed"  # the session's last proof of the password is older than ten minutes
    NO_PROFILE = "no_profile"
    NO_CHILDREN = "no_children"
    NO_CHILD = "no_child"  # [name]
    TRIAL_RUNS = "trial_runs"
    NOT_FILTERED = "not_filtered"
    NEW_DEVICE = "new_device"
    NO_DEVICE_OF_A_CHILD = "no_device_of_a_child"

    # Pauses, extra time, and a child's time to finish a game (landing).
    HAS_PASSED = "has_passed"
    CHILD_PAUSED = "child_paused"  # [name]
    NO_SERVICE = "no_service"
    NOTHING_TO_EXTEND = "nothing_to_extend"  # [name]
    NOT_IN_FORCE = "not_in_force"
    NO_EXTRA_TIME = "no_extra_time"
    NO_LANDING = "no_landing"  # [name]
    LANDING_IN_PAUSE = "landing_in_pause"  # [name]
    LANDED = "landed"  # [name]
    LANDING_LATE = "landing_late"  # [name]
    LANDING_EARLY = "landing_early"  # [name]

    # Codes on paper.
    NO_CODES_FOR = "no_codes_for"
    TOO_MANY_CODES = "too_many_codes"  # [unused, most]
    NO_GOOD_CODES = "no_good_codes"
    CODE_UNKNOWN = "code_unknown"
    CODE_OF_ANOTHER = "code_of_another"
    CODE_USED = "code_used"
    CODE_OLD = "code_old"  # [days]
    CODE_IN_PAUSE = "code_in_pause"  # [name]
    TOO_MANY_TRIES = "too_many_tries"  # [minutes]

    # Requests.
    NOTHING_TO_ASK = "nothing_to_ask"  # [name]
    NOT_REFUSED = "not_refused"  # [host, name]
    OPEN_NOW = "open_now"  # [name]: of the site or service
    FOR_EVERYONE = "for_everyone"  # [host]
    ASK_LATER = "ask_later"  # too many names that are blocked for everyone within a minute
    NOT_ASKABLE = "not_askable"  # [host]
    # It would open a site of a blocked category permanently, and is not confirmed.
    CONFIRM_NEEDED = "confirm_needed"  # [name, category, categories, entry]
    REASON_TOO_LONG = "reason_too_long"  # [most]
    ASKED_TOO_OFTEN = "asked_too_often"  # [times]
    TOO_MANY_WAIT = "too_many_wait"  # [most]
    NO_REQUEST = "no_request"
    REQUEST_EXPIRED = "request_expired"
    ANSWERED_BEFORE = "answered_before"
    NO_SUCH_MINUTES = "no_such_minutes"  # none of these counted on this child's devices
    NOT_FOR_TIME = "not_for_time"  # an answer that only a request for a site can have
    NO_CARD = "no_card"  # of this device and type
    NO_QUESTION = "no_question"  # about this device, now
    SAY_WHOSE = "say_whose"  # name the owner: the previous device belongs to no single profile

    # The household's files.
    BAD_RULE = "bad_rule"  # [key, and in English "problem" and "fix"]
    CHANGED_MEANWHILE = "changed_meanwhile"  # the file changed after it was read
    ROUTERS_OWN = "routers_own"  # [key, option, file]: set in the router's own settings, and changed there
    # A file was broken by hand; nothing is changed until it is fixed.
    FILE_BROKEN = "file_broken"  # [file, and in English "problem" and "fix"]
    NO_REVISION = "no_revision"  # it is no longer stored
    NOT_WRITTEN = "not_written"  # [why]
    STILL_NAMED = "still_named"  # [name, key]: in the household's file
    SERVICE_USED = "service_used"  # [name, names]: rules of these people name the service
    SERVICE_KNOWN = "service_known"  # [name]: the catalogue has a service with this id
    TOO_MANY_PROFILES = "too_many_profiles"  # [most]

    # The transition to the next age group.
    NO_STEP = "no_step"  # none is proposed [name]
    NOT_LATER = "not_later"  # it cannot be postponed to that month, or not again [name]
    ADULT_NEXT = "adult_next"  # adulthood is proposed: it can be neither postponed nor overridden [name]
    NO_REASON = "no_reason"  # the reason that the child reads is missing [most]

    NOT_SELF_SET = "not_self_set"  # this child's times are rules, not suggestions [name]

    # Devices.
    NO_DEVICE = "no_device"
    DEVICE_SHARED = "device_shared"
    TOO_MANY_NAMES = "too_many_names"  # [most]
    SCANNED_JUST_NOW = "scanned_just_now"  # [seconds]

    # Lists.
    NO_LIST = "no_list"
    NOT_OUTSIDE = "not_outside"
    LIST_NOT_ADDED = "list_not_added"
    NOT_LISTED = "not_listed"  # [host]
    NO_REGISTER = "no_register"  # the household's file has no register of that state
    ON_REGISTER = "on_register"  # [host]: blocked by a state's register as long as that is enabled

    BAD_ADDRESS = "bad_address"  # a web address
    BAD_CHANNEL = "bad_channel"  # an Apprise address of a service that is not allowed
    NO_HOST_NAME = "no_host_name"  # not a host name, or not one of the chosen DNS provider

    # Shared devices, PINs, handed-over devices.
    NOT_SHARED = "not_shared"  # the device, or not with this person
    NOBODY_USES = "nobody_uses"  # the device has its own rules already
    NO_SCREEN = "no_screen"  # that this child shares
    SCREEN_TAKEN = "screen_taken"  # [name]
    NO_DEVICE_OF_AN_ADULT = "no_device_of_an_adult"
    NOT_A_STRANGER = "not_a_stranger"
    CHILDS_DEVICE = "childs_device"  # a proof of age does not open it
    MAY_BE_A_CHILDS = "may_be_a_childs"  # until a parent assigns the device
    OPEN_FOR_AN_ADULT = "open_for_an_adult"  # a child wants to claim a shared device that an adult uses
    HANDED_OVER = "handed_over"  # until a parent takes the device back
    NO_ROOM = "no_room"  # the limit of these is reached
    NO_PIN = "no_pin"  # [name]
    PIN_WRONG = "pin_wrong"  # [name]
    PIN_FORM = "pin_form"  # [least, most]: number of digits
    PIN_GUESSED = "pin_guessed"
    PIN_ELSEWHERE = "pin_elsewhere"  # a child sets it on its own device
    TRIED_TOO_OFTEN = "tried_too_often"  # [minutes]

    # Backups.
    BACKUP_PASSWORD = "backup_password"  # [least, most]: number of characters
    BACKUP_LARGE = "backup_large"  # [most]: MiB
    BACKUP_LOCKED = "backup_locked"  # wrong password, or damaged
    BACKUP_BROKEN = "backup_broken"  # not a backup, or damaged
    BACKUP_NEWER = "backup_newer"  # made by a later version
    NO_DRIVE = "no_drive"  # no drive is mounted at this folder
    BACKUP_GONE = "backup_gone"  # it must be uploaded again
    NO_WAY_BACK = "no_way_back"  # nothing was restored, or something has changed since

    # Site repair (lesson).
    NO_LESSON = "no_lesson"
    TRAFFIC_PRIVATE = "traffic_private"  # no guardian may see the live traffic of this device
    LESSON_CLOSED = "lesson_closed"  # [name]: by a pause, bedtime or a limit
    LESSON_REFUSED = "lesson_refused"  # [host, name]: by a rule that a site repair does not lift

    NOT_APPROVED = "not_approved"  # no guardian lets the provider do this

    CLOCK_WRONG = "clock_wrong"
