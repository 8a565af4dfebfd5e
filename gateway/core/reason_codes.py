"""What a refusal is called, for programs and for who translates it. A code never changes its meaning.

The sentence beside it is English and may be put better at any time. In brackets: the values that come along.
"""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    REFUSED = "refused"  # anything else: a rule file, the disk, …; there is nothing but its sentence
    INVALID = "invalid"  # a value that is missing, or of the wrong kind [key]
    NO_SUCH_VERB = "no_such_verb"
    ROOT_ONLY = "root_only"
    BUSY = "busy"

    # Who asks, and for whom.
    NO_GUARDIAN = "no_guardian"
    LINK_USED = "link_used"
    SESSION_ENDED = "session_ended"
    GUARDIANS_ONLY = "guardians_only"  # somebody with an account who is no guardian
    HELPER_MINUTES = "helper_minutes"  # more than a helper may give [minutes: that are left]
    NOT_YOUR_PAUSE = "not_your_pause"  # a helper ends or shortens what somebody else set [by]
    WRONG_PASSWORD = "wrong_password"
    WRONG_RECOVERY = "wrong_recovery"
    WRONG_LABEL = "wrong_label"
    NO_BUTTON = "no_button"  # was pressed within two minutes
    CLAIMED = "claimed"  # has a guardian already
    NOT_FROM_HOME = "not_from_home"
    NAME_TAKEN = "name_taken"  # [name]
    TOO_MANY_PEOPLE = "too_many_people"  # [most]
    LAST_GUARDIAN = "last_guardian"
    CONSOLE_ONLY = "console_only"  # a link for a guardian who has come before [name]
    NO_PROPOSAL = "no_proposal"
    WRONG_TOKEN = "wrong_token"  # unknown, ended or expired
    TOO_MANY_TOKENS = "too_many_tokens"  # [most]
    NO_TOKEN = "no_token"  # of this guardian's and id
    NO_PROFILE = "no_profile"
    NO_CHILDREN = "no_children"
    NO_CHILD = "no_child"  # [name]
    TRIAL_RUNS = "trial_runs"
    NOT_FILTERED = "not_filtered"
    NEW_DEVICE = "new_device"
    NO_DEVICE_OF_A_CHILD = "no_device_of_a_child"

    # Pauses, extra time, landings.
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
    ASK_LATER = "ask_later"  # too many names within a minute that are refused for everyone
    NOT_ASKABLE = "not_askable"  # [host]
    REASON_TOO_LONG = "reason_too_long"  # [most]
    ASKED_TOO_OFTEN = "asked_too_often"  # [times]
    TOO_MANY_WAIT = "too_many_wait"  # [most]
    NO_REQUEST = "no_request"
    REQUEST_EXPIRED = "request_expired"
    ANSWERED_BEFORE = "answered_before"
    NO_SUCH_MINUTES = "no_such_minutes"  # none of these counted on this child's devices
    NOT_FOR_TIME = "not_for_time"  # an answer that only a site can have
    NO_CARD = "no_card"  # of this device and way
    NO_QUESTION = "no_question"  # about this device, now
    SAY_WHOSE = "say_whose"  # by name: the device that it was is in no one person's file

    # What stands in the family's files.
    BAD_RULE = "bad_rule"  # [key, problem, mend]; the last two are English
    CHANGED_MEANWHILE = "changed_meanwhile"  # the file is another than the one that was looked at
    ROUTERS_OWN = "routers_own"  # [key, option, file]: set in the router's own settings, and changed there
    FILE_BROKEN = "file_broken"  # [file, problem, mend]: by hand; nothing is changed until it is mended
    NO_REVISION = "no_revision"  # that is still kept
    NOT_WRITTEN = "not_written"  # [why]
    STILL_NAMED = "still_named"  # [name, key]: in the home's own file
    TOO_MANY_PROFILES = "too_many_profiles"  # [most]

    # The step into the next age band.
    NO_STEP = "no_step"  # is proposed [name]
    NOT_LATER = "not_later"  # it cannot be put off to that month, or not again [name]
    ADULT_NEXT = "adult_next"  # it cannot be put off, nor written away: adulthood is proposed [name]
    NO_REASON = "no_reason"  # for the child to read [most]

    NOT_SELF_SET = "not_self_set"  # this child's times are no suggestions: others set them [name]

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
    NO_REGISTER = "no_register"  # of that state in the home's own file
    ON_REGISTER = "on_register"  # [host]: closed by a state's register for as long as that is on

    BAD_ADDRESS = "bad_address"  # of the web

    # Shared devices, PINs, devices handed over.
    NOT_SHARED = "not_shared"  # the device, or not with this person
    NOBODY_USES = "nobody_uses"  # it has its own rules already
    NO_SCREEN = "no_screen"  # that this child shares
    SCREEN_TAKEN = "screen_taken"  # [name]
    NO_DEVICE_OF_AN_ADULT = "no_device_of_an_adult"
    NOT_A_STRANGER = "not_a_stranger"
    CHILDS_DEVICE = "childs_device"  # which no adult's proof opens
    MAY_BE_A_CHILDS = "may_be_a_childs"  # until a parent says whose device it is
    OPEN_FOR_AN_ADULT = "open_for_an_adult"  # a screen that a child would claim
    HANDED_OVER = "handed_over"  # until a parent takes the device back
    NO_ROOM = "no_room"  # for one more of these
    NO_PIN = "no_pin"  # [name]
    PIN_WRONG = "pin_wrong"  # [name]
    PIN_FORM = "pin_form"  # [least, most]: digits
    PIN_GUESSED = "pin_guessed"
    PIN_ELSEWHERE = "pin_elsewhere"  # a child sets it on a device of its own
    TRIED_TOO_OFTEN = "tried_too_often"  # [minutes]

    # Backups.
    BACKUP_PASSWORD = "backup_password"  # [least, most]: characters that a password has
    BACKUP_LARGE = "backup_large"  # [most]: MiB
    BACKUP_LOCKED = "backup_locked"  # another password, or damaged
    BACKUP_BROKEN = "backup_broken"  # no backup at all, or damaged
    BACKUP_NEWER = "backup_newer"  # made by a later version
    BACKUP_GONE = "backup_gone"  # it has to be sent again
    NO_WAY_BACK = "no_way_back"  # nothing was restored, or something was changed since

    # Lessons.
    NO_LESSON = "no_lesson"
    LESSON_CLOSED = "lesson_closed"  # [name]: by a pause, bedtime or a limit
    LESSON_REFUSED = "lesson_refused"  # [host, name]: by a rule that no lesson lifts

    CLOCK_WRONG = "clock_wrong"
