"""One workspace, whatever people do and whatever goes wrong: a machine that hypothesis drives."""

from __future__ import annotations

from contextlib import ExitStack

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.simulation.plan import TROUBLES, Act, Trouble, make_plan
from tests.simulation.promises import broken
from tests.simulation.world import World

_MOST_SECONDS = 5 * 24 * 3600.0
_SAID = (
    *("vote", "why", "list", "nonsense", "now matters-0", "now matters-1", "pause matters-0"),
    *("resume matters-0", "unsubscribe matters-0", "subscribe matters-0 at 09:00 Europe/Berlin"),
    *("subscribe matters-1 at 17:30 UTC top 1", "subscribe matters-2 at 00:30"),
)
_chances = st.floats(0, 1, exclude_max=True)


class Workspace(RuleBasedStateMachine):
    """Two channels, some days. What is checked at the end is all that people were promised."""

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._passed = 0.0

    @initialize(seed=st.integers(0, 99))
    def begin(self, seed: int) -> None:
        plan = make_plan(seed, days=6, workspaces=1, channels=2)
        kept = [part for part in plan.parts if part[0] in ("mornings", "subscribed")]
        self._world = World(plan.with_only(kept))
        self._stack.enter_context(self._world.running())

    @precondition(lambda self: self._passed < _MOST_SECONDS)
    @rule(seconds=st.sampled_from((30.0, 900.0, 6 * 3600.0, 24 * 3600.0)))
    def time_passes(self, seconds: float) -> None:
        self._passed += seconds
        self._world.advance(seconds)

    @rule(
        text=st.sampled_from(_SAID),
        channel=st.integers(0, 1),
        chance=_chances,
        again=st.sampled_from(((), (0.5,), (0.01, 20.0))),
    )
    def somebody_acts(
        self, text: str, channel: int, chance: float, again: tuple[float, ...]
    ) -> None:
        self._world.people.add(Act(0.0, channel, text, chance, again))
        self._world.advance(1.0)

    @rule(
        kind=st.sampled_from(sorted(set(TROUBLES))),
        seconds=st.sampled_from((60.0, 3600.0, 12 * 3600.0)),
        chance=_chances,
    )
    def something_goes_wrong(self, kind: str, seconds: float, chance: float) -> None:
        self._world.troubles.add(Trouble(0.0, kind, seconds, chance))
        self._world.advance(1.0)

    def teardown(self) -> None:
        with self._stack:
            self._world.calm_down()
        assert broken(self._world) == []


TestWorkspace = Workspace.TestCase
TestWorkspace.settings = settings(max_examples=6, stateful_step_count=12, deadline=None)
