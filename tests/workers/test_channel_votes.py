"""What votes do to a channel's digest: who comes first among equals, who stays over the limit, what
the digest says of it, and that no other workspace and no forgotten vote has any part in it."""

from __future__ import annotations

import pytest
from redis import Redis
from rq import Queue

from bot.commands import dispatch
from bot.commands.context import Context, Invocation
from bot.commands.digests import preview_posts
from bot.domain.channel_view import ChannelView
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.judge import Judge
from bot.domain.message import Card, Message
from bot.domain.papers import Announced, AnnounceType, Paper
from bot.domain.readers.teaching import DownReason, VoteUse, VoteWeight
from bot.domain.request import Address, digest_name
from bot.domain.status import Status
from bot.planning import plan
from bot.runtime.tick import tick
from bot.store.lookups import Lookups
from bot.store.papers import paper_ref
from bot.store.queues import Queues
from bot.store.store import Store
from bot.views.digest import head
from tests.factories import (
    DAY,
    NOW,
    decision,
    digest,
    digest_request,
    lesson,
    list_result,
    listing,
    person_in,
    save_own_profile,
)
from tests.factories import profile as a_profile
from tests.servers.fake_slack import FakeSlack
from tests.workers.gate.tide_papers import tide_papers
from tests.workers.run_deliver_job import replies, run_deliver_job, slack_address
from workers.channel_votes import digest_by_votes, prepare_preview
from workers.judging import outcomes
from workers.judging.spreading import spread_scores
from workers.judging.vote_order import by_votes

HERE, NEXT_DOOR = slack_address("C1"), slack_address("C2")
ELSEWHERE = Address(platform="slack", workspace="T2", channel="C9")
PAPERS, IS_TIDAL = tide_papers(12, 2, every=11)  # the first and the last
TIDAL = PAPERS[-1]
VOTED = [p for p, was in zip(*tide_papers(60, 1), strict=True) if was]


def decided(scores: tuple[int, int] = (8, 7)) -> Decision:
    return decision("-", Outcome.PICKED, *scores)


def day(maximum: int = 4) -> Digest:
    """Twelve papers with the same scores, that on tides over the limit."""
    rows = [
        decided().model_copy(
            update={
                "announced": Announced(paper=paper, announce_type=AnnounceType.NEW),
                "outcome": Outcome.PICKED if place < maximum else Outcome.OVER_LIMIT,
            }
        )
        for place, paper in enumerate(PAPERS[1:])
    ]
    about = a_profile(maximum=maximum)
    return digest(*spread_scores(about, rows), profile=about)


def vote(
    store: Store, paper: Paper, by: str, up: bool = True, where: Address = HERE, **more: object
) -> None:
    store.papers.put(paper)
    cast = lesson(paper.id, by, "up" if up else "down", channel=str(where), **more)
    text = {"ref": paper_ref(paper), "title": paper.title}
    store.votes.cast(where, cast.model_copy(update=text))


def given(store: Store, address: Address = HERE, decided_day: Digest | None = None) -> Digest:
    """The day as a channel gets it."""
    request = digest_request().model_copy(update={"address": address})

    def chosen(one: Digest) -> Digest:
        return outcomes.digest_for_channel(request, list_result(NOW), one, lambda *_: ())

    judged = decided_day or day()
    return digest_by_votes(store, address, None, judged, None, chosen) or chosen(judged)


def weigh(store: Store, weight: VoteWeight) -> None:
    store.vote_uses.change("slack:T1", "matters", lambda _: VoteUse(weight=weight))


def picked(shown: Digest) -> list[str]:
    return [each.paper.id for each in shown.picked]


def scores(shown: Digest) -> list[tuple[int, int | None]]:
    return [(d.score.relevance, d.score.novelty) for d in shown.picked if d.score]


def test_liked_papers_bring_one_like_them_in_and_the_digest_says_why(store: Store) -> None:
    assert TIDAL.id not in picked(given(store))
    for person in ("U1", "U2", "U3", "U4"):
        for paper in VOTED[:3]:
            vote(store, paper, person)
    shown = given(store)
    rank = picked(shown).index(TIDAL.id) + 1
    said = head(shown).text[1]
    assert said.startswith(f"Number {rank} is here by your votes: 4 of you liked papers like “On")
    assert scores(shown) == scores(given(store, ELSEWHERE))  # the same points, in the new order
    assert len(shown.decisions) == len(PAPERS) - 1


def test_disliked_papers_send_one_like_them_down(store: Store) -> None:
    liked = day().model_copy(update={"decisions": tuple(reversed(day().decisions))})
    first = by_votes(liked, {}).decisions[0].paper.id
    for person in ("U1", "U2", "U3"):
        for paper in VOTED[:4]:
            vote(store, paper, person, up=False)
    assert first == TIDAL.id
    assert picked(given(store, decided_day=liked)).count(TIDAL.id) == 0


def test_votes_change_no_order_between_different_scores(store: Store) -> None:
    best = decided((10, 9)).model_copy(
        update={"announced": Announced(paper=PAPERS[0], announce_type=AnnounceType.NEW)}
    )
    two = digest(best, *day().decisions, profile=a_profile(maximum=4))
    for person in ("U1", "U2", "U3"):
        vote(store, VOTED[0], person)
        vote(store, PAPERS[0], person, up=False)
    assert picked(given(store, decided_day=two))[0] == PAPERS[0].id


def test_no_other_workspaces_votes_have_a_part(store: Store) -> None:
    before = given(store)
    for person in ("U1", "U2", "U3", "U4"):
        vote(store, VOTED[0], person, where=ELSEWHERE)
    assert given(store) == before
    assert given(store, ELSEWHERE) != before
    assert given(store, NEXT_DOOR) == before


def test_what_is_forgotten_is_as_if_never_voted(store: Store) -> None:
    before = given(store)
    for person in ("U1", "U2", "U3"):
        for paper in VOTED[:3]:
            vote(store, paper, person)
    assert given(store) != before
    token = store.votes.forget(HERE, "matters", store.votes.lessons("slack:T1", "matters"), "", NOW)
    assert given(store) == before
    forgotten = store.votes.forgotten(HERE, token)
    assert forgotten is not None
    store.votes.restore(HERE, token, forgotten)
    assert given(store) != before


@pytest.mark.parametrize(("reason", "moves"), [("known", True), ("not-now", False)])
def test_a_reason_says_what_a_vote_down_teaches(reason: str, moves: bool, store: Store) -> None:
    turned = day().model_copy(update={"decisions": tuple(reversed(day().decisions))})
    before = given(store, decided_day=turned)
    for person in ("U1", "U2", "U3"):
        vote(store, VOTED[0], person, up=False, reason=DownReason(reason))
    assert (given(store, decided_day=turned) != before) is moves


def test_votes_that_count_half_move_half_as_far_and_those_that_count_nothing_not(
    store: Store,
) -> None:
    before = given(store)
    for person in ("U1", "U2", "U3", "U4"):
        vote(store, VOTED[0], person)
    in_full = given(store)
    far = picked(in_full).index(TIDAL.id)
    weigh(store, VoteWeight.SOME)
    half = given(store)
    order = [d.paper.id for d in half.decisions]
    assert far < order.index(TIDAL.id) < [d.paper.id for d in before.decisions].index(TIDAL.id)
    weigh(store, VoteWeight.OFF)
    assert given(store) == before
    weigh(store, VoteWeight.FULL)
    assert given(store) == in_full


def test_a_view_of_a_moved_day_shows_what_was_posted(store: Store) -> None:
    for person in ("U1", "U2", "U3", "U4"):
        vote(store, VOTED[0], person)
    shown = given(store)
    view = ChannelView(
        listed=shown.listed,
        maximum=shown.profile.maximum,
        judged_at=shown.judged_at,
        earlier=(),
        left_out=0,
        outcomes=tuple((d.paper.id, d.outcome) for d in shown.decisions),
        by_votes=shown.by_votes,
        moved=shown.moved,
    )
    again = view.apply_to(day())
    assert (picked(again), scores(again)) == (picked(shown), scores(shown))
    assert head(again).text == head(shown).text


def test_the_thread_comes_in_that_order_and_once(fake_slack: FakeSlack, store: Store) -> None:
    fingerprint = store.profiles.put(a_profile())
    request = digest_request().model_copy(
        update={"profile": fingerprint, "address": HERE, "top": 4}
    )
    store.lists.add(str(DAY), listing(*(d.announced for d in day(11).decisions)), NOW)
    store.lists.put_result(request.wanted, list_result(NOW))
    store.days.put_decided(digest_name(request, list_result(NOW)), day(11))
    store.requests.put(request)
    for person in ("U1", "U2", "U3", "U4"):
        for paper in VOTED[:3]:
            vote(store, paper, person)
    run_deliver_job(fake_slack, store, [request])
    assert replies(fake_slack, "C1") == 4
    first = str(fake_slack.visible_messages("C1")[0]["blocks"])
    assert "4 of you liked papers like" in first
    assert TIDAL.title in first
    vote(store, VOTED[5], "U5", up=False)
    run_deliver_job(fake_slack, store, [request])
    assert replies(fake_slack, "C1") == 4
    assert str(fake_slack.visible_messages("C1")[0]["blocks"]) == first


def previewed(store: Store, redis_url: str, words: str = "") -> tuple[str, list[str]]:
    """The sentence about votes and the cards' titles that somebody in C1 is shown, by way of the
    job that the clock queues."""
    queues = Queues(Redis.from_url(redis_url))
    context = Context(store, Lookups(store), Judge(), lambda: Status.model_validate({}))
    asked = Invocation(f"preview matters {words}", HERE, NOW, by="U1", person=person_in("C1"))
    request = dispatch.answer(asked, context).request
    assert request is not None
    store.lists.add(str(DAY), listing(*(d.announced for d in day().decisions)), NOW)
    store.lists.put_result(request.wanted, list_result(NOW))
    store.days.put_decided(digest_name(request, list_result(NOW)), day())
    store.requests.put(request)
    if step := plan.next_step(request, store.requests.state(request)):
        assert tick(context, queues, NOW).previews == ()
        (id,) = Queue("now", connection=queues.redis).job_ids
        assert id == step.id
        prepare_preview(step.wish, store, None, lambda: NOW)
        queues.forget()
    assert tick(context, queues, NOW).previews == (request,)
    store.requests.drop(request)
    top, *cards = preview_posts(request, context)
    assert isinstance(top, Message)
    said = " ".join(line for line in top.text if "your votes" in line)
    return said, [card.title for card in cards if isinstance(card, Card)]


def test_a_private_look_comes_in_the_order_that_votes_give(store: Store, redis_url: str) -> None:
    save_own_profile(store, HERE, a_profile(maximum=4))
    plain = previewed(store, redis_url)
    assert plain[0] == ""
    for person in ("U1", "U2", "U3", "U4"):
        for paper in VOTED[:3]:
            vote(store, paper, person)
    said, shown = previewed(store, redis_url, "top 3")
    number = shown.index(TIDAL.title) + 1
    assert said.startswith(f"Number {number} is here by your votes: 4 of you")
    assert len(shown) == 3
    assert TIDAL.title not in plain[1]
    assert store.history.of(HERE) == []
    assert list(store.redis.scan_iter("pb:had:*")) == []
    weigh(store, VoteWeight.OFF)
    assert previewed(store, redis_url) == plain
