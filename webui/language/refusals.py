"""Messages for the daemon's errors in the reader's language, by error code.

An unknown code gets the daemon's English text.
"""

from __future__ import annotations

from gateway.core.errors import GatewayError
from gateway.core.reason_codes import Code
from webui.language.i18n import gettext as _
from webui.language.words import NAME_LIMIT, error_text, plain

# Maximum lengths of values that are sentences or addresses. All others are names.
LONG = {"problem": 200, "fix": 200, "why": 200, "host": 80, "key": 80}  # characters


def sentence(error: GatewayError) -> str:
    known = _sentences().get(error.code)
    if known is not None:
        values = {key: _plain(key, value) for key, value in error.values.items()}
        try:
            return known % values
        except (KeyError, TypeError, ValueError):
            pass  # an unknown placeholder of another daemon version, or a translator's error
    return error_text(str(error))


def _plain(key: str, value: object) -> object:
    return plain(value, LONG.get(key, NAME_LIMIT)) if isinstance(value, str) else value


def _sentences() -> dict[str, str]:
    return _of_steps() | _of_people() | _of_time() | _of_requests() | _of_rules() | _of_shared()


def _of_steps() -> dict[str, str]:
    """Return messages, by error code, about the change to the next age group."""
    return {
        Code.NO_STEP: _("There is no next age group of %(name)s to answer now. Reload the page."),
        Code.NOT_SELF_SET: _(
            "Only at 16 and 17 a person sets their own times. Others set the times of %(name)s."
        ),
        Code.NOT_LATER: _("It can be put off once, to one of the six months after its own."),
        Code.ADULT_NEXT: _("At 18 the rules of %(name)s end. This cannot be put off."),
        Code.NO_REASON: _("Write a reason of at most %(most)d letters. The child reads it."),
    }


def _of_people() -> dict[str, str]:
    """Return messages, by error code, about accounts, sign-in, children and their devices."""
    return {
        Code.BUSY: _("Too many pages are open at once. Close some and try again."),
        Code.NO_GUARDIAN: _("You are no longer a parent here. Sign in again."),
        Code.LINK_USED: _("This code is used or older than 15 minutes. Ask for a new one."),
        Code.SESSION_ENDED: _("This session has ended. Sign in again."),
        Code.GUARDIANS_ONLY: _("This is for parents. Ask one of them."),
        Code.NOT_APPROVED: _("No parent has allowed this. They can on the page Health."),
        Code.HELPER_MINUTES: _(
            "That is more than you may give. You can give %(minutes)d min more today."
        ),
        Code.NOT_YOUR_PAUSE: _("%(by)s set this pause. Ask %(by)s to change it."),
        Code.WRONG_PASSWORD: _("Name or password is wrong. Check small and capital letters."),
        Code.WRONG_RECOVERY: _("This recovery code does not belong to that name. Check the paper."),
        Code.WRONG_LABEL: _("This is not the code on the gateway's label. Check it."),
        Code.NO_BUTTON: _("The button was not pressed within two minutes. Press it, then try again."),
        Code.CLAIMED: _("This gateway has a parent’s account already. Sign in instead."),
        Code.NOT_FROM_HOME: _("This device is not on the home's own network. Join its Wi-Fi first."),
        Code.NAME_TAKEN: _("The name %(name)s is taken. Choose another one."),
        Code.TOO_MANY_PEOPLE: _("There are %(most)d people already. Remove one first."),
        Code.LAST_GUARDIAN: _("This is the only parent’s account. Add another parent first."),
        Code.CONSOLE_ONLY: _(
            "%(name)s is a parent and has signed in before. A new link comes from the gateway itself."
        ),
        Code.NO_PROPOSAL: _("This question is already closed."),
        Code.WRONG_TOKEN: _("This token is wrong, or it has ended. Make a new one at My account."),
        Code.TOO_MANY_TOKENS: _("There are %(most)d tokens already. End one first."),
        Code.FACTOR_NEEDED: _("This account has a second step. Enter a code of its app too."),
        Code.FACTOR_WRONG: _("This code is wrong, or it was used before. Wait for the app’s next one."),
        Code.FACTOR_LATE: _("That took longer than ten minutes. Start again."),
        Code.FACTOR_ON: _("The second step is on already."),
        Code.FACTOR_OFF: _("The second step is off already."),
        Code.FACTOR_TIME: _("The gateway does not know the time yet. Enter a backup code instead."),
        Code.FACTOR_MISSING: _(
            "The part that checks app codes is not installed on the gateway. Ask whoever set it up."
        ),
        Code.PASSKEY_WRONG: _("This passkey is not known here, or its answer is wrong. Use your password."),
        Code.PASSKEY_UNCHECKED: _(
            "The gateway could not check the passkey. Try again in a moment, or use your password."
        ),
        Code.PASSKEY_LATE: _("That took longer than five minutes. Try again."),
        Code.PASSKEY_COPIED: _(
            "This passkey may have been copied, so it is rejected. Sign in with your password and "
                "remove it."
        ),
        Code.PASSKEY_NONE: _("This passkey no longer exists. Go back and reload."),
        Code.PASSKEY_KNOWN: _("This device already has a passkey for your account."),
        Code.PASSKEY_PASSWORD: _("Set a password first. It signs you in if you lose the passkey."),
        Code.PASSKEY_MISSING: _(
            "The part that checks passkeys is not installed on the gateway. Use your password."
        ),
        Code.PASSKEY_NAMELESS: _(
            "Passkeys need encrypted pages at a name of your own, and this home has none."
        ),
        Code.PASSKEYS_FULL: _("You have %(most)d passkeys. Remove one first."),
        Code.PROOF_NEEDED: _("This needs your password again. Sign in again, then repeat it."),
        Code.NO_TOKEN: _("This token no longer exists. Go back and reload."),
        Code.NO_PROFILE: _("These rules no longer exist. Go back and reload."),
        Code.NO_CHILDREN: _("There is no child yet. Add a child and assign a device first."),
        Code.TRIAL_RUNS: _("A bypass test is running already. Wait until it has ended."),
        Code.NO_CHILD: _("%(name)s is not a child, so there is nothing to change."),
        Code.NOT_FILTERED: _("This device is not filtered, so there is nothing to change."),
        Code.NEW_DEVICE: _("This is a new device. Choose who uses it first."),
        Code.NO_DEVICE_OF_A_CHILD: _("This device belongs to no child. Ask a parent to choose who uses it."),
    }  # fmt: skip


def _of_time() -> dict[str, str]:
    """Return messages, by error code, about pauses, extra time, time to finish a game, and printed codes."""
    return {
        Code.HAS_PASSED: _("That time has passed. Choose a later one."),
        Code.CHILD_PAUSED: _("This device is one of %(name)s, who is paused. Resume them all."),
        Code.NO_SERVICE: _("This service no longer exists. Go back and reload."),
        Code.NOTHING_TO_EXTEND: _("%(name)s has no time limit now. There is nothing to extend."),
        Code.NOT_IN_FORCE: _("This time is over already. There is nothing to take back."),
        Code.NO_EXTRA_TIME: _("There is no extra time to take back."),
        Code.NO_LANDING: _("%(name)s has no minutes to finish a game. Ask for time instead."),
        Code.LANDING_IN_PAUSE: _("%(name)s is paused. Finishing a game waits until the pause is over."),
        Code.LANDED: _("%(name)s has already used “Finish my game” today. It works once a day."),
        Code.LANDING_LATE: _("%(name)s has no time for more than an hour. Ask for time instead."),
        Code.LANDING_EARLY: _("%(name)s has more than 15 minutes left. “Finish my game” is for the end."),
        Code.NO_CODES_FOR: _("This device is no child's. Codes are for children."),
        Code.TOO_MANY_CODES: _(
            "There are %(unused)d unused codes, and there can be %(most)d. Withdraw some first."
        ),
        Code.NO_GOOD_CODES: _("None of these codes works any longer."),
        Code.CODE_UNKNOWN: _("This code is not from this home. Check the paper."),
        Code.CODE_OF_ANOTHER: _("This code is for someone else. Ask for your own."),
        Code.CODE_USED: _("This code was used before. Each code works once."),
        Code.CODE_OLD: _("This code is older than %(days)d days. Ask for a new one."),
        Code.CODE_IN_PAUSE: _("%(name)s is paused. Keep the code and enter it later."),
        Code.TOO_MANY_TRIES: _(
            "This device has tried too many wrong codes. Try again in %(minutes)d min."
        ),
    }  # fmt: skip


def _of_requests() -> dict[str, str]:
    """Return messages, by error code, about children's requests and questions about devices."""
    return {
        Code.NOTHING_TO_ASK: _("%(name)s has no time limit now. There is nothing to ask for."),
        Code.NOT_REFUSED: _("%(host)s is not blocked for %(name)s. If it does not open now, ask for time."),
        Code.OPEN_NOW: _("%(name)s is allowed now. Try it."),
        Code.ASK_LATER: _("You asked for too many sites that no one here can allow. Ask again in a minute."),
        Code.FOR_EVERYONE: _("%(host)s is blocked for everyone. No one here can allow it."),
        Code.NOT_ASKABLE: _("%(host)s cannot be asked for here. Talk to a parent about it."),
        Code.CONFIRM_NEEDED: _("%(name)s is in a blocked category. Confirm that it stays allowed."),
        Code.REASON_TOO_LONG: _("The reason is too long. Write at most %(most)d letters."),
        Code.ASKED_TOO_OFTEN: _("You asked %(times)d times today. Ask again tomorrow, or in person."),
        Code.TOO_MANY_WAIT: _("%(most)d requests wait for an answer. Answer some of them first."),
        Code.NO_REQUEST: _("This request is gone."),
        Code.REQUEST_EXPIRED: _("This request has expired. Give time on the home page instead."),
        Code.ANSWERED_BEFORE: _("This request was answered before. Each is answered once."),
        Code.NO_SUCH_MINUTES: _("These minutes are no longer in the list. Go back and reload."),
        Code.NOT_FOR_TIME: _("Time is given in minutes. Say how many."),
        Code.NO_CARD: _("This card is already gone."),
        Code.NO_QUESTION: _("Another parent has answered this already."),
        Code.SAY_WHOSE: _("The old device does not belong to one person. Choose who uses this one."),
    }  # fmt: skip


def _of_rules() -> dict[str, str]:
    """Return messages, by error code, about rule files, devices, lists and the repair of sites."""
    return {
        Code.ROUTERS_OWN: _("The router's own settings decide this. Change it there."),
        Code.BAD_RULE: _("This cannot be set: %(problem)s. To fix it: %(fix)s."),
        Code.CHANGED_MEANWHILE: _("This has changed in the meantime. Reload and try again."),
        Code.FILE_BROKEN: _("Rules set on the gateway have a mistake: %(problem)s. Fix it there first."),
        Code.NO_REVISION: _("That version is no longer stored."),
        Code.NOT_WRITTEN: _("Nothing was changed, because it could not be saved: %(why)s."),
        Code.STILL_NAMED: _("The home's settings use %(name)s. Change that first."),
        Code.SERVICE_USED: _("The rules of %(names)s use %(name)s. Remove it from these rules first."),
        Code.SERVICE_KNOWN: _("There is a service called %(name)s already. Use another name."),
        Code.TOO_MANY_PROFILES: _("There can be %(most)d people here. Remove one first."),
        Code.NO_DEVICE: _("This device is no longer known. Go back and reload."),
        Code.DEVICE_SHARED: _("Several people share this device. End that first, then give it to one."),
        Code.TOO_MANY_NAMES: _("%(most)d devices have names already. Remove one name first."),
        Code.SCANNED_JUST_NOW: _("The gateway looked for devices just now. Try again in %(seconds)d s."),
        Code.NO_LIST: _("This list no longer exists. Go back and reload."),
        Code.NOT_OUTSIDE: _("Lists are downloaded from the internet. Enter an internet address."),
        Code.NO_REGISTER: _("This register no longer exists. Go back and reload."),
        Code.ON_REGISTER: _(
            "%(host)s is on a state register that is on in this home. A parent can turn the register off."
        ),
        Code.LIST_NOT_ADDED: _("This list is here already, or there are 16 lists. Remove one first."),
        Code.NOT_LISTED: _("%(host)s is on no list, so there is nothing to report."),
        Code.BAD_ADDRESS: _("This is not a web address. It begins with https:// or http://."),
        Code.BAD_CHANNEL: _("No service that can be used here has an address like this."),
        Code.NO_HOST_NAME: _("The provider has no such name. Write it as the provider’s page shows it."),
        Code.NO_LESSON: _("This repair is over. There is nothing left to keep."),
        Code.TRAFFIC_PRIVATE: _("The traffic of this device is private."),
        Code.LESSON_CLOSED: _(
            "A pause, bedtime, schedule or limit blocks %(name)s now, and a repair lifts none of "
                "these. End it or give time first."
        ),
        Code.LESSON_REFUSED: _(
            "A rule that a repair cannot lift blocks %(host)s for %(name)s. Change that rule first."
        ),
    }  # fmt: skip


def _of_shared() -> dict[str, str]:
    """Return messages, by error code, about shared devices, PINs, backups and the clock."""
    return {
        Code.NOT_SHARED: _("This device is no longer shared with this person. Go back and reload."),
        Code.NOBODY_USES: _("That is over already."),
        Code.NO_SCREEN: _("You do not share this screen. Ask a parent."),
        Code.SCREEN_TAKEN: _("%(name)s is on it now. When %(name)s is done, it is free."),
        Code.NO_DEVICE_OF_AN_ADULT: _("Only an adult's device can be handed over."),
        Code.NOT_A_STRANGER: _("This device is known here. A parent chooses who uses it."),
        Code.CHILDS_DEVICE: _(
            "This device is a child's own, so it stays with that child's rules. A parent can give extra time."
        ),
        Code.MAY_BE_A_CHILDS: _(
            "This may be a child's device with another address. It can be unlocked once a parent has "
                "chosen who uses it."
        ),
        Code.HANDED_OVER: _("This device is handed over to a child. A parent signs in to take it back."),
        Code.OPEN_FOR_AN_ADULT: _("An adult has it now. When that is over, it is free."),
        Code.NO_ROOM: _("There are too many of these already. A parent can end some."),
        Code.NO_PIN: _("%(name)s has no PIN yet. It is set on %(name)s's own device, or by a parent."),
        Code.PIN_WRONG: _("This is not %(name)s's PIN."),
        Code.PIN_FORM: _("A PIN has %(least)d to %(most)d digits."),
        Code.PIN_GUESSED: _("This PIN is too easy to guess. Choose another."),
        Code.PIN_ELSEWHERE: _("A PIN is set on your own device, or by a parent."),
        Code.TRIED_TOO_OFTEN: _("Too many attempts. Try again in %(minutes)d min."),
        Code.BACKUP_PASSWORD: _("A backup's password has %(least)d to %(most)d letters."),
        Code.BACKUP_LARGE: _("There is more than %(most)d MB to keep. A large calendar may be the reason."),
        Code.BACKUP_LOCKED: _("This is not its password, or the file is damaged."),
        Code.BACKUP_BROKEN: _("This is not a backup of this filter, or it is damaged."),
        Code.BACKUP_NEWER: _("This backup was made by a newer version. Update this gateway first."),
        Code.NO_DRIVE: _("This drive is not here. Plug in the USB stick and choose it again."),
        Code.BACKUP_GONE: _("The file is no longer here. Choose it again."),
        Code.NO_WAY_BACK: _("Something has changed since, so this cannot be undone."),
        Code.CLOCK_WRONG: _("The clock of this phone is wrong. Set it first."),
    }  # fmt: skip
