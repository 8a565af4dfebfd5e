"""The verbs `filter_test` and `filter_test_site`: start filter tests, report results, and return them."""

from __future__ import annotations

from gateway.control.contract.filter_tests import (
    FILTER_TEST,
    FILTER_TEST_SITE,
    FilterTestRequest,
    FilterTestResponse,
    TestSiteRequest,
)
from gateway.control.contract.rules import Explanation
from gateway.control.protocol import Call
from gateway.control.router import Router
from gateway.core.errors import ControlError
from gateway.core.reason_codes import Code
from gateway.features.accounts.access import Access
from gateway.features.filter_tests.filter_test import FilterTest, FilterTests
from gateway.features.rules.preview import Explainer
from gateway.household.context import HomeContext
from gateway.household.members import Member
from gateway.household.presence import SeenDevices
from gateway.policy.identity.macs import parse_mac
from gateway.policy.judge.why import parse_question
from gateway.policy.profile.profile import Profile

MOST_SITES = 16  # of one `tell`; a device test has seven checks


class FilterTestVerbs:
    """Lets guardians start and read filter tests, and a child's device run the one that waits for it."""

    def __init__(
        self,
        home: HomeContext,
        tests: FilterTests,
        here: SeenDevices,
        access: Access,
        explainer: Explainer,
    ) -> None:
        self._home = home
        self._tests = tests
        self._here = here
        self._access = access
        self._explainer = explainer

    def register(self, router: Router) -> None:
        router.serve(FILTER_TEST, self.test)
        router.serve(FILTER_TEST_SITE, self.test_site)

    def test(self, call: Call[FilterTestRequest]) -> FilterTestResponse:
        action = call.args.action
        if action in ("start", "end"):
            self._access.guardian(call)
            profile = self._child(call.text("id"))
            (self._start if action == "start" else self._end)(call, profile)
        elif call.args.id is not None and action == "look":
            profile = self._child(call.args.id)
        else:
            return self._of_the_device(call)
        return self._response(profile.id, *self._tests.of(profile.id))

    def test_site(self, call: Call[TestSiteRequest]) -> Explanation:
        """Return the decision about a site at a moment, and store it as the child's site test.

        Raises ControlError if no guardian sent it, for a person who is no child, or if too many tests run;
        PolicyError for an unknown profile, or an invalid site or moment. ``at``: the moment; None: now.
        """
        self._access.guardian(call)
        profile = self._child(call.args.id)
        seen, at = parse_question(call.args.host), self._explainer.moment(call.args.at)
        found = self._explainer.explain(self._access.stand_in(profile), seen, at)
        self._tests.add_site(profile.id, found)
        return found

    def _child(self, who: str) -> Profile:
        profile = self._home.rules.household.profile(who)
        if profile.built_in or not profile.is_child:
            raise ControlError.of(Code.NO_CHILD, name=profile.name)
        return profile

    def _start(self, call: Call[FilterTestRequest], profile: Profile) -> None:
        if call.args.method == "bypass":
            self._tests.start_bypass(profile.id)
            return
        member = self._access.child(call)
        if member.profile.id != profile.id:
            raise ControlError.of(Code.NO_DEVICE_OF_A_CHILD)
        self._tests.notify(self._tests.start_device(member, self._mac(call, member)))

    def _end(self, call: Call[FilterTestRequest], profile: Profile) -> None:
        """End the child's device test. For a bypass test nothing is done: it always runs to its end."""
        for test in self._tests.of(profile.id):
            if test.method == call.args.method == "device":
                self._tests.end(test)
                self._tests.notify(test)

    def _of_the_device(self, call: Call[FilterTestRequest]) -> FilterTestResponse:
        """Return the test on the requesting device, after recording its results or starting it again.

        ``action``: ``tell`` has results, ``again`` restarts. ``look`` and ``tell`` also record that
        the device has opened the test's page. Without a test, the response is empty.
        """
        member = self._access.child(call)
        found = self._tests.of_device(member.profile.id, self._mac(call, member))
        if found is None:
            return self._response("")  # no guardian started a test, or the device has another owner since
        if call.args.action == "again":
            found = self._tests.start_device(member, found.mac)
        else:
            self._tests.open(found)
        if call.args.action == "tell":
            self._tests.report(found, self._reached(call))
        if call.args.action != "look":
            self._tests.notify(found)
        return self._response(member.profile.id, found)

    def _mac(self, call: Call[FilterTestRequest], member: Member) -> str:
        mac = parse_mac(call.text("device"))
        assert mac is not None and mac in member.macs  # noqa: PT018 - `child` has looked
        return mac

    def _reached(self, call: Call[FilterTestRequest]) -> dict[str, bool]:
        results = call.args.results or {}
        if not 0 < len(results) <= MOST_SITES:
            call.refuse("results", "must say opened or failed of a few hosts")
        return {host: result == "opened" for host, result in results.items()}

    def _response(self, profile: str, *tests: FilterTest) -> FilterTestResponse:
        now = self._home.loop.now()
        states = tuple(test.state(now, self._here.name_of) for test in tests)
        return FilterTestResponse(id=profile, tests=states, busy=self._tests.busy)
