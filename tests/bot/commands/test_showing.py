"""What a model is shown of the votes: who switches it on, at what price, when it is chosen, and
that what is forgotten is shown no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from redis import Redis

from bot.commands import dispatch, due
from bot.commands.context import Answer, Context, Invocation, newest_day_request
from bot.domain.digest import Usage
from bot.domain.judge import Examples, Judge
from bot.domain.lookup import Lookup
from bot.domain.message import Button, Message
from bot.domain.readers.teaching import VoteUse
from bot.domain.status import Status
from bot.errors import Refused
from bot.runtime.tick import tick
from bot.store.lookups import Lookups
from bot.store.queues import Queues
from bot.store.store import Store
from bot.terminal.render import as_text
from tests.bot.commands.samples import CHANNEL_ADDRESS, INVOCATION, NEXT_DOOR, by, deliver_day
from tests.conftest import check_golden
from tests.factories import NOW, digest, person_in, profile, subscription

JUDGE = Judge(model="gpt-6-luna")
MISSED, DAY = "2503.10002", timedelta(days=1)
ELSEWHERE = CHANNEL_ADDRESS.model_copy(update={"workspace": "T2"})


@pytest.fixture
def context(store: Store) -> Context:
    """Three people liked a paper that was not posted; another workspace has the profile, too."""
    store.profiles.put_shared(profile())
    for address in (CHANNEL_ADDRESS, NEXT_DOOR, ELSEWHERE):
        store.subscriptions.put(subscription(profile="matters", address=address))
    context = Context(store, Lookups(store), JUDGE, lambda: Status.model_validate({}))
    deliver_day(context)
    for person in ("U1", "U2", "U3"):
        pressed(context, "up-missed", f"day {MISSED}", by(person))
    return context


def pressed(context: Context, action: str, value: str, who: Invocation = INVOCATION) -> Answer:
    return dispatch.press(who, action, value, context)


def taught(context: Context, words: str = "", who: Invocation = INVOCATION) -> Message:
    head = dispatch.answer(replace(who, text=f"taught {words}"), context).head
    assert head is not None
    return head


def button(message: Message | None, action: str) -> Button | None:
    assert message is not None
    return next((each for each in message.buttons if each.action == action), None)


def use(context: Context, workspace: str = "slack:T1") -> VoteUse:
    return context.store.vote_uses.of(workspace, "matters")


def night(context: Context, redis_url: str, after: timedelta = DAY) -> None:
    """The clock ticks, so long after NOW."""
    tick(context, Queues(Redis.from_url(redis_url)), NOW + after)


def judges(context: Context) -> dict[str, Examples | None]:
    """What the judge of each subscription is shown."""
    snapshot = due.take_snapshot(context)
    return {
        str(each.address): snapshot.judge(each, context.judge).examples
        for each in snapshot.subscriptions
    }


def shown(context: Context, redis_url: str) -> Context:
    """Switched on, and a night went by."""
    pressed(context, "show-examples", "matters")
    night(context, redis_url)
    return context


def test_the_price_is_said_before_it_is_switched_on_and_the_state_after(
    context: Context, redis_url: str
) -> None:
    before = taught(context)
    switch = button(before, "show-examples")
    assert switch is not None
    assert "a month" in switch.label
    on = pressed(context, "show-examples", switch.value).head
    waiting = taught(context)
    night(context, redis_url)
    after = taught(context)
    assert button(before, "hide-examples") is None
    assert button(after, "show-examples") is None
    off = pressed(context, "hide-examples", "matters").head
    assert on is not None
    assert off is not None
    assert use(context) == VoteUse()
    check_golden("commands/examples.txt", as_text([before, on, waiting, after, off]) + "\n")


def test_it_is_off_until_then_and_nothing_is_another_workspaces(
    context: Context, redis_url: str
) -> None:
    night(context, redis_url)
    assert set(judges(context).values()) == {None}
    shown(context, redis_url)
    found = judges(context)
    assert found["slack:T2:C1"] is None
    ours = found["slack:T1:C1"]
    assert ours == found["slack:T1:C2"]
    assert ours is not None
    assert (ours.workspace, [each.paper for each in ours.papers]) == ("slack:T1", [MISSED])
    request = newest_day_request(profile(), INVOCATION, context)
    assert request.judge.examples == ours
    theirs = newest_day_request(profile(), by("U1", address=ELSEWHERE), context)
    assert theirs.judge == JUDGE


def test_it_changes_at_night_alone(context: Context, redis_url: str) -> None:
    pressed(context, "show-examples", "matters")
    night(context, redis_url, timedelta(hours=1))  # after NOW, by day
    assert use(context).chosen == ()
    night(context, redis_url)
    chosen = use(context).chosen
    assert len(chosen) == 1
    pressed(context, "up-missed", f"day {MISSED}", by("U1"))  # taken back
    night(context, redis_url, DAY + timedelta(hours=2))
    assert use(context).chosen == chosen
    night(context, redis_url, 2 * DAY)
    assert use(context).chosen == ()


@pytest.mark.parametrize("way", ["paper", "person", "all", "me"])
def test_who_forgets_a_vote_takes_its_paper_out_at_once(
    way: str, context: Context, redis_url: str
) -> None:
    shown(context, redis_url)
    if way == "me":
        pressed(context, "forget-me", "")
    else:
        taught(context, {"paper": f"forget {MISSED}", "person": "forget", "all": "forget all"}[way])
    assert use(context).shows
    assert set(judges(context).values()) == {None}
    night(context, redis_url, DAY + timedelta(hours=2))
    assert use(context).chosen == ()


def test_who_forgets_another_vote_changes_nothing_of_it(context: Context, redis_url: str) -> None:
    pressed(context, "up", "day 2503.10000")
    chosen = use(shown(context, redis_url)).chosen
    taught(context, "forget 2503.10000")
    assert use(context).chosen == chosen


def test_a_vote_that_is_forgotten_while_it_is_chosen_has_no_part(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressed(context, "show-examples", "matters")
    votes, read = context.store.votes, context.store.votes.lessons

    def forgets_after(workspace: str, name: str) -> object:
        found = read(workspace, name)
        monkeypatch.setattr(votes, "lessons", read)
        taught(context, "forget all")
        return found

    monkeypatch.setattr(votes, "lessons", forgets_after)
    due.choose_examples(context, "slack:T1", profile(), (NOW + DAY).date())
    assert use(context).chosen == ()


def test_while_votes_change_nothing_the_model_is_shown_none(
    context: Context, redis_url: str
) -> None:
    shown(context, redis_url)
    taught(context, "weigh off")
    assert set(judges(context).values()) == {None}
    assert "shown no papers while votes change nothing" in str(taught(context).text)
    taught(context, "weigh full")
    assert judges(context)["slack:T1:C1"] is not None


def test_who_may_not_change_the_profile_neither_spends_nor_ends_it(
    context: Context, redis_url: str
) -> None:
    outsider = by("U8", address=NEXT_DOOR.model_copy(update={"channel": "C3"}))
    outsider = replace(outsider, person=person_in("C3"))
    assert button(taught(context, "matters", outsider), "show-examples") is None
    with pytest.raises(Refused):
        pressed(context, "show-examples", "matters", outsider)
    shown(context, redis_url)
    with pytest.raises(Refused):
        pressed(context, "hide-examples", "matters", outsider)
    assert use(context).shows


def test_without_a_model_or_where_nothing_contradicts_it_there_is_nothing_to_show(
    context: Context,
) -> None:
    alone = replace(context, judge=Judge())
    for place in (alone, context):
        if place is context:
            taught(context, "forget")  # two people are left
        assert button(taught(place), "show-examples") is None
        with pytest.raises(Refused, match="nothing to show the model"):
            pressed(place, "show-examples", "matters")
    assert use(context) == VoteUse()


def test_a_model_without_a_known_price_is_said_in_tokens(context: Context) -> None:
    unpriced = Usage(calls=4, prompt_tokens=900, prompt_usd=None, completion_usd=None)
    day = context.store.days.get("day")
    assert day is not None
    context.store.days.put_decided(
        "day", digest(*day.decisions, usage=unpriced, judged_at=NOW + DAY)
    )
    switch = button(taught(context), "show-examples")
    assert switch is not None
    assert switch.label == "Show the model these, about 1,400 tokens a day"


def test_a_digest_that_was_begun_is_completed_as_it_was_begun(
    context: Context, redis_url: str
) -> None:
    moment = NOW + 2 * DAY
    begun = due.due_requests(context, due.take_snapshot(context), moment)[0][1]
    context.store.requests.put_begun(begun)
    shown(context, redis_url)
    found = due.due_requests(context, due.take_snapshot(context), moment)
    again = {request.subscription: request.judge for _, request, _ in found}
    assert again.pop(begun.subscription) == JUDGE
    assert any(judge.examples for judge in again.values())


def test_why_asks_the_judge_that_judged_and_knows_no_other_workspaces_day(
    context: Context, redis_url: str
) -> None:
    shown(context, redis_url)
    examples = judges(context)["slack:T1:C1"]

    def lookup(id: str) -> Lookup:
        found = dispatch.answer(replace(INVOCATION, text=f"why {id}"), context).lookup
        assert found is not None
        return found

    asked = lookup("2503.19999")
    assert [each for _, each in asked.shown] == [examples]
    assert asked.judge_of(asked.profiles[0]).examples == examples
    assert lookup(MISSED).shown == ()  # its day was judged without
    own = digest(*deliver_day(context).decisions, judge=JUDGE.shown(examples))
    context.store.days.put_decided("own", own)
    fingerprint = profile().fingerprint
    assert "own" in context.store.days.names(fingerprint, "slack:T1")
    assert "own" not in context.store.days.names(fingerprint, "slack:T2")
