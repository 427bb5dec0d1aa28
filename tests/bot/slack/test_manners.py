"""A new person's way on Slack: the invite, a private look, a subscription, words of one's own."""

from __future__ import annotations

import pytest

from bot.domain.lookup import ArxivAnswer
from bot.store.lookups import Lookups
from bot.store.store import Store
from tests.bot.slack.conversations import (
    CHANNEL_ADDRESS,
    assert_acked,
    button,
    channel_text,
    filled_in,
    open_form,
    open_new_profile,
    private_answer,
    put_day,
    submit_form,
    type_command,
    wrong,
)
from tests.factories import DAY, NOW, answer_lookup, paper
from tests.servers.fake_slack import Ack, Channel, FakeSlack, Json
from tests.servers.slack_rules import draw_slack
from tests.workers.run_task_job import do_waiting_tasks

JOINED = {"type": "member_joined_channel", "user": "UBOT"}


def written(fake_slack: FakeSlack, text: str, **fields: str) -> Ack:
    """A direct message to the bot."""
    message = {"type": "message", "channel_type": "im", "channel": "D1", "text": text}
    return fake_slack.send_event(message | fields)


def mentioned(fake_slack: FakeSlack, text: str) -> str:
    event = {"type": "app_mention", "text": f"<@UBOT> {text}"}
    return private_answer(fake_slack, lambda: fake_slack.send_event(event))


def draft_is_shown(fake_slack: FakeSlack, store: Store, view: str) -> None:
    """Once the workers are done."""

    def is_there() -> bool:
        do_waiting_tasks(store)
        return "A draft" in draw_slack(fake_slack.views[view])

    fake_slack.wait_until(is_there)


@pytest.mark.usefixtures("running_bot")
def test_invited_into_a_channel_it_says_once_what_it_does(fake_slack: FakeSlack) -> None:
    joined = assert_acked(fake_slack.send_event(JOINED))
    said = channel_text(fake_slack, 1)
    assert "[ Subscribe ] [ Try a profile ] [ Make a profile ]" in said
    assert_acked(fake_slack.send_envelope("events_api", joined.sent["payload"], 1, joined))
    assert_acked(fake_slack.send_event(JOINED | {"user": "U2"}))
    type_command(fake_slack, "list")
    assert channel_text(fake_slack, 1) == said


@pytest.mark.usefixtures("running_bot")
def test_a_channel_that_has_subscriptions_is_not_welcomed(fake_slack: FakeSlack) -> None:
    type_command(fake_slack, "subscribe matters")
    channel_text(fake_slack, 1)
    assert_acked(fake_slack.send_event(JOINED))
    type_command(fake_slack, "list")
    channel_text(fake_slack, 1)


@pytest.mark.usefixtures("running_bot")
def test_a_private_look_is_for_one_person_and_leaves_nothing_behind(
    fake_slack: FakeSlack, store: Store
) -> None:
    put_day(store, papers=5)
    kept = set(store.redis.scan_iter("pb:*"))
    type_command(fake_slack, "preview matters top 4", user="U2")
    fake_slack.wait_until(lambda: len(fake_slack.ephemeral) >= 6)
    assert {shown["user"] for shown in fake_slack.ephemeral} == {"U2"}
    drawn = [draw_slack(shown) for shown in fake_slack.ephemeral]
    assert "only for you" in drawn[0]
    assert "Matters of importance" in drawn[1]
    assert [text[:2] for text in drawn[2:5]] == ["1.", "2.", "3."]
    assert "The first 3 of 4 papers. Only you see this" in drawn[5]
    assert fake_slack.visible_messages("C1") == []
    left = {str(key) for key in set(store.redis.scan_iter("pb:*")) - kept}
    assert not [key for key in left if key.startswith(("pb:had", "pb:history", "pb:delivered"))]
    fake_slack.wait_until(lambda: store.requests.all() == [])
    fake_slack.press(button(fake_slack.ephemeral[5], "Post it here"), user="U2")
    fake_slack.wait_until(lambda: store.requests.all())
    (request,) = store.requests.all()
    assert (request.preview, request.top, request.by) == (False, 4, "U2")


@pytest.mark.usefixtures("running_bot")
def test_a_digest_that_is_shown_twice_in_private_is_shown_twice(
    fake_slack: FakeSlack, store: Store
) -> None:
    put_day(store)
    for _ in range(2):
        before = len(fake_slack.ephemeral)
        type_command(fake_slack, "preview matters")
        fake_slack.wait_until(lambda: len(fake_slack.ephemeral) >= before + 5)  # noqa: B023
        fake_slack.wait_until(lambda: store.requests.all() == [])


@pytest.mark.usefixtures("running_bot")
def test_a_profile_just_made_is_subscribed_with_one_press(
    fake_slack: FakeSlack, store: Store
) -> None:
    view = open_new_profile(fake_slack)
    submit_form(fake_slack, view, title="Bounds", categories="cs.LG", look_for="Bounds: all")
    fake_slack.wait_until(lambda: fake_slack.ephemeral)
    one_press = button(fake_slack.ephemeral[-1], "Subscribe this channel")
    said = private_answer(fake_slack, lambda: fake_slack.press(one_press))
    assert said.startswith("Bounds: every weekday at 09:00 EST.")
    assert [each.profile for each in store.subscriptions.all()] == ["bounds"]


@pytest.mark.usefixtures("running_bot")
def test_the_second_of_two_who_edit_a_profile_sees_the_others_change_and_both_are_kept(
    fake_slack: FakeSlack, store: Store
) -> None:
    type_command(fake_slack, "subscribe matters")
    one = open_form(fake_slack, lambda: fake_slack.command("new matters", user="U1"))
    other = open_form(fake_slack, lambda: fake_slack.command("new matters", user="U2"))
    assert submit_form(fake_slack, one, maximum="3", examples="On quanta") is None
    answer = submit_form(fake_slack, other, user="U2", title="Ours", examples="On dust, again")
    assert answer is not None
    assert answer["response_action"] == "update"
    shown = draw_slack(fake_slack.views[other])
    assert "someone else changed this profile while your form was open" in shown
    assert "· most papers in a digest: 3, was 20" in shown
    assert "· example papers: + On quanta" in shown
    assert store.profiles.at(CHANNEL_ADDRESS)["matters"].title == "Matters of importance"
    assert submit_form(fake_slack, other, user="U2") is None
    fake_slack.wait_until(lambda: len(fake_slack.ephemeral) == 3)
    own = store.profiles.at(CHANNEL_ADDRESS)["matters"]
    assert (own.title, own.maximum) == ("Ours", 3)
    assert [each.title for each in own.examples] == ["On dust, again", "On quanta"]
    said = type_command(fake_slack, "undo matters")
    assert said.startswith("Undone: Matters of importance is as it was before.")
    back = button_in_history(fake_slack)
    said = private_answer(fake_slack, lambda: fake_slack.press(back))
    assert said.startswith("Changed back: Ours.")
    assert store.profiles.at(CHANNEL_ADDRESS)["matters"] == own


def button_in_history(fake_slack: FakeSlack) -> Json:
    """The button of the newest version but one."""
    said = type_command(fake_slack, "history matters")
    assert "3 · " in said
    assert "most papers in a digest: 3, was 20" in said
    assert "example papers: + On dust, again" in said
    assert "@U2" in said
    return button(fake_slack.ephemeral[-1], "Go back to this")


@pytest.mark.usefixtures("running_bot")
def test_a_sentence_becomes_a_profile_and_a_subscription(
    fake_slack: FakeSlack, store: Store
) -> None:
    view = open_form(fake_slack, lambda: fake_slack.command("new"))
    assert "What do you work on?" in draw_slack(fake_slack.views[view])
    answer = submit_form(fake_slack, view, work="Pruning of neural networks, mixture of experts")
    assert answer is not None
    assert "Drafting a profile." in draw_slack(answer["view"])

    draft_is_shown(fake_slack, store, view)
    shown = draw_slack(fake_slack.views[view])
    assert "Topics: Pruning of neural networks, mixture of experts: from your text." in shown
    assert store.profiles.own_names(CHANNEL_ADDRESS) == set()  # who closes it leaves nothing
    assert submit_form(fake_slack, view, title="Sparse") is None
    fake_slack.wait_until(lambda: fake_slack.ephemeral)
    one_press = button(fake_slack.ephemeral[-1], "Subscribe this channel")
    assert private_answer(fake_slack, lambda: fake_slack.press(one_press)).startswith("Sparse:")
    assert [each.profile for each in store.subscriptions.all()] == ["sparse"]


@pytest.mark.usefixtures("running_bot")
def test_papers_that_somebody_gave_are_examples_in_the_form_and_in_the_saved_profile(
    fake_slack: FakeSlack, store: Store
) -> None:
    known = paper("2503.00001")
    Lookups(store).put_arxiv_answer(known.id, ArxivAnswer(paper=known, at=NOW))
    view = open_form(fake_slack, lambda: fake_slack.command("new"))
    library = "@misc{a, title={Machine learning of tides}, abstract={We learn tides.}}"
    submit_form(fake_slack, view, work=library)

    draft_is_shown(fake_slack, store, view)
    assert "Example papers: the one you gave." in draw_slack(fake_slack.views[view])
    typed = "Machine learning of tides\nhttps://arxiv.org/abs/2503.00001\n2401.00001"
    said = wrong(submit_form(fake_slack, view, title="Tides", examples=typed))
    assert said == {"examples": "No list here had 2401.00001 lately: write its title after it."}
    assert submit_form(fake_slack, view, title="Tides", examples=f"{typed} On quanta") is None
    fake_slack.wait_until(lambda: fake_slack.ephemeral)
    examples = store.profiles.at(CHANNEL_ADDRESS)["tides"].examples
    titles = ["Machine learning of tides", known.title, "On quanta"]
    assert [each.title for each in examples] == titles
    assert examples[0].abstract == "We learn tides."
    assert examples[1].abstract == known.abstract


@pytest.mark.usefixtures("running_bot")
def test_who_closes_the_view_before_the_draft_is_there_can_open_it_and_nobody_else(
    fake_slack: FakeSlack, store: Store
) -> None:
    view = open_form(fake_slack, lambda: fake_slack.command("new"))
    submit_form(fake_slack, view, work="Pruning of neural networks, mixture of experts")
    del fake_slack.views[view]

    def is_said() -> bool:
        do_waiting_tasks(store)
        return bool(fake_slack.ephemeral)

    fake_slack.wait_until(is_said)
    opens = button(fake_slack.ephemeral[-1], "Open the form")
    view = open_form(fake_slack, lambda: fake_slack.press(opens))
    assert "A draft, made without a model" in draw_slack(fake_slack.views[view])
    said = private_answer(fake_slack, lambda: fake_slack.press(opens, user="U2"))
    assert "expired" in said


@pytest.mark.usefixtures("running_bot")
def test_what_a_form_would_bring_is_shown_over_it_and_nothing_is_saved(
    fake_slack: FakeSlack, store: Store
) -> None:
    def tried(**answers: str) -> str:
        """What is shown over the form, filled in so, once the workers are done."""
        values = filled_in(fake_slack, form, **answers)
        show = button(fake_slack.views[form], "Show what it would bring")
        over = open_form(fake_slack, lambda: fake_slack.press(show, view_id=form, values=values))

        def is_there() -> bool:
            do_waiting_tasks(store)
            shown = draw_slack(fake_slack.views[over])
            return "One moment" not in shown and "Trying" not in shown

        fake_slack.wait_until(is_there)
        return draw_slack(fake_slack.views[over])

    put_day(store)
    store.lists.put_answered_categories(str(DAY), ["cs.LG"], NOW)
    form = open_new_profile(fake_slack)
    wrong = tried(title="Bounds", categories="cs.LG", look_for="", relevance="11")
    assert "Write a whole number from 1 to 10." in wrong
    said = tried(title="Bounds", categories="cs.LG", look_for="Bounds: of the matter")
    assert "day to try Bounds on yet" in said or "By the local ranking" in said
    assert fake_slack.ephemeral == []
    assert store.profiles.own_names(CHANNEL_ADDRESS) == set()
    answers = {"title": "Bounds", "categories": "cs.LG", "look_for": "Bounds: of the matter"}
    assert submit_form(fake_slack, form, **answers) is None
    assert store.profiles.own_names(CHANNEL_ADDRESS) == {"bounds"}


@pytest.mark.usefixtures("running_bot")
def test_a_direct_message_is_answered_there_and_only_a_persons_own(fake_slack: FakeSlack) -> None:
    fake_slack.channels["D1"] = Channel()
    ack = assert_acked(written(fake_slack, "hi"))
    assert channel_text(fake_slack, 1, "D1").startswith("Hello! Paperboy posts the arXiv papers")
    assert_acked(fake_slack.send_envelope("events_api", ack.sent["payload"], 1, ack))
    for not_a_persons in ({"subtype": "message_changed"}, {"bot_id": "BBOT"}, {"user": "UBOT"}):
        assert_acked(written(fake_slack, "hi", **not_a_persons))
    assert_acked(written(fake_slack, "hi", channel_type="channel", channel="C1"))
    assert_acked(written(fake_slack, "thanks!"))
    assert "You're welcome." in channel_text(fake_slack, 2, "D1")
    assert fake_slack.visible_messages("C1") == []


@pytest.mark.usefixtures("running_bot")
def test_a_message_that_begins_mentions_without_end_holds_nobody_up(
    fake_slack: FakeSlack,
) -> None:
    """It took time by the square of its length, in the loop that acknowledges everybody's events.
    Slack's messages have at most 40,000 characters; of more it would not end."""
    fake_slack.channels["D1"] = Channel()
    assert_acked(written(fake_slack, "<@U1|" * 30_000))
    assert "There is no command" in channel_text(fake_slack, 1, "D1")
    assert_acked(written(fake_slack, "<@U1|ada> <@UBOT> thanks!"))
    assert "You're welcome." in channel_text(fake_slack, 2, "D1")


@pytest.mark.usefixtures("running_bot")
def test_a_paper_looked_up_in_a_direct_message_is_one_answer(
    fake_slack: FakeSlack, store: Store
) -> None:
    fake_slack.channels["D1"] = Channel()
    type_command(fake_slack, "subscribe matters")
    assert_acked(written(fake_slack, "why 2410.15294"))
    assert "looking it up" in channel_text(fake_slack, 1, "D1")
    lookups = Lookups(store)
    fake_slack.wait_until(lookups.all)
    answer_lookup(lookups, lookups.all()[0])
    fake_slack.wait_until(lambda: "Scored now: relevance 9" in channel_text(fake_slack, 1, "D1"))


@pytest.mark.usefixtures("running_bot")
def test_what_somebody_does_in_a_direct_message_is_said_to_them_once(fake_slack: FakeSlack) -> None:
    fake_slack.channels["D1"] = Channel()
    assert_acked(written(fake_slack, "subscribe matters"))
    channel_text(fake_slack, 1, "D1")
    assert_acked(written(fake_slack, "pause"))
    assert "Paused: Matters of importance." in channel_text(fake_slack, 2, "D1")


@pytest.mark.usefixtures("running_bot")
def test_a_direct_message_is_answered_when_slack_was_busy(fake_slack: FakeSlack) -> None:
    fake_slack.channels["D1"] = Channel()
    fake_slack.inject_faults("chat.postMessage", "ratelimited")
    assert_acked(written(fake_slack, "pause nobody"))
    assert channel_text(fake_slack, 1, "D1").startswith("This channel has no subscription.")


@pytest.mark.usefixtures("running_bot")
def test_a_form_that_a_message_cannot_open_is_one_press_away(fake_slack: FakeSlack) -> None:
    assert "[ Open the form ]" in mentioned(fake_slack, "subscribe")
    opens = button(fake_slack.ephemeral[-1], "Open the form")
    view = open_form(fake_slack, lambda: fake_slack.press(opens))
    assert submit_form(fake_slack, view, profile="matters") is None
    assert "subscribed this channel" in channel_text(fake_slack, 1)


@pytest.mark.usefixtures("running_bot")
def test_what_a_mention_means_is_said_to_one_person(fake_slack: FakeSlack) -> None:
    assert mentioned(fake_slack, "thanks!").startswith("You're welcome.")
    assert "doesn't understand" in mentioned(fake_slack, "frobnicate the widget")
    type_command(fake_slack, "subscribe matters")
    assert "[ Pause ] [ Unsubscribe ]" in mentioned(fake_slack, "please stop sending these")
    channel_text(fake_slack, 1)
