"""A library dropped into a form on Slack: read, or one sentence says why not and what to do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import StringIO

import pytest
from pydantic import SecretStr

from bot.domain.papers import Example
from bot.domain.reasons import ChannelReason
from bot.errors import Unavailable
from bot.runtime import given_files
from bot.runtime.given_files import FileReader
from bot.slack.client import lacks_scope
from bot.slack.places import Places
from bot.slack.poster import open_poster
from bot.store.store import Store
from bot.views.watching.installing import renewing
from tests.bot.libraries import BIBTEX, FOUND, ON_ARXIV
from tests.bot.slack.conversations import (
    CHANNEL_ADDRESS,
    assert_acked,
    button,
    filled_in,
    open_form,
    private_answer,
    serving,
    submit_form,
    type_command,
)
from tests.factories import profile, save_own_profile
from tests.servers.fake_http import HttpReply, arxiv_api, run_fake_server
from tests.servers.fake_slack import Ack, FakeSlack, Json
from tests.servers.slack_rules import draw_slack
from tests.workers.run_task_job import do_waiting_tasks


def dropped(
    fake_slack: FakeSlack, content: bytes, name: str = "library.bib", work: str = "", **fields: str
) -> tuple[str, Ack]:
    """A file put into the form of `/digest new`, and how the form was acknowledged."""
    view = open_form(fake_slack, lambda: fake_slack.command("new"))
    values = filled_in(fake_slack, view, work=work)
    ((_, state),) = values["library"].items()
    state["files"] = [fake_slack.drop_file(name, content) | fields]
    ack = assert_acked(fake_slack.submit(view, values))
    assert "Reading your file." in draw_slack((ack.payload or {})["view"])
    return view, ack


def shown(fake_slack: FakeSlack, view: str) -> str:
    """What stands in the form's place once the file is read, or is not."""

    def is_read() -> bool:
        return "Reading your file." not in draw_slack(fake_slack.views[view])

    fake_slack.wait_until(is_read)
    return draw_slack(fake_slack.views[view])


def asked(fake_slack: FakeSlack) -> list[Json]:
    """The requests for files."""
    return [call.arguments for call in fake_slack.calls if call.method == "file"]


def is_drafted(
    fake_slack: FakeSlack, store: Store, view: str, answer: Callable[[str, bytes], HttpReply]
) -> Callable[[], bool]:
    def is_there() -> bool:
        do_waiting_tasks(store, answer)
        return "A draft" in draw_slack(fake_slack.views[view])

    return is_there


@pytest.mark.usefixtures("running_bot")
def test_a_library_of_forty_entries_becomes_a_profile_and_a_subscription(
    fake_slack: FakeSlack, store: Store
) -> None:
    view, _ = dropped(fake_slack, BIBTEX.encode(), work="Pruning of neural networks")
    assert "Drafting a profile." in shown(fake_slack, view)
    fake_slack.wait_until(is_drafted(fake_slack, store, view, arxiv_api(ON_ARXIV)))
    said = draw_slack(fake_slack.views[view])
    assert FOUND in said
    assert "The field is full" not in said
    assert store.profiles.own_names(CHANNEL_ADDRESS) == set()
    assert submit_form(fake_slack, view, title="Ours") is None
    fake_slack.wait_until(lambda: fake_slack.ephemeral)
    one_press = button(fake_slack.ephemeral[-1], "Subscribe this channel")
    assert private_answer(fake_slack, lambda: fake_slack.press(one_press)).startswith("Ours:")
    assert [each.profile for each in store.subscriptions.all()] == ["ours"]
    assert len(asked(fake_slack)) == 1


@pytest.mark.usefixtures("running_bot")
def test_a_profile_too_long_for_a_message_goes_out_and_comes_back_as_a_file(
    fake_slack: FakeSlack, store: Store
) -> None:
    liked = tuple(Example(title=f"Tides {n}", abstract="Salt " * 200 + "end.") for n in range(20))
    save_own_profile(store, CHANNEL_ADDRESS, profile(examples=liked, cross_lists=False))
    type_command(fake_slack, "show matters")
    as_file = button(fake_slack.ephemeral[-1], "As a file")
    said = private_answer(fake_slack, lambda: fake_slack.press(as_file))
    assert said.startswith("Matters of importance, as a file")
    fake_slack.wait_until(lambda: "D1" in fake_slack.channels)
    fake_slack.wait_until(lambda: fake_slack.channels["D1"].messages)
    (shown_file,) = fake_slack.channels["D1"].messages
    assert shown_file["files"] == [{"id": "F1", "title": "matters.toml"}]
    view, _ = dropped(fake_slack, fake_slack.files[0], name="matters.toml")
    assert "From your file." in shown(fake_slack, view)
    assert submit_form(fake_slack, view, title="Salt") is None
    fake_slack.wait_until(lambda: "Created: Salt." in draw_slack(fake_slack.ephemeral[-1]))
    salt = store.profiles.at(CHANNEL_ADDRESS)["salt"]
    assert (salt.examples, salt.cross_lists) == (liked, False)


@pytest.mark.usefixtures("running_bot")
def test_a_form_that_is_sent_again_has_its_file_read_once(fake_slack: FakeSlack) -> None:
    view, ack = dropped(fake_slack, BIBTEX.encode())
    shown(fake_slack, view)
    assert_acked(fake_slack.send_envelope("interactive", ack.sent["payload"], 1, ack))
    open_form(fake_slack, lambda: fake_slack.command("new"))
    assert len(asked(fake_slack)) == 1


@pytest.mark.usefixtures("running_bot")
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b" \n", "This file is empty"),
        (b"%PDF-1.7\n\x00\x01\x02", "This file is no text"),
        (b"Dear all, here is my library.", "neither BibTeX nor RIS"),
        (b"@misc{a, title={A}}\n" + b"%" * 1_000_000, "more than 1 MB"),
    ],
)
def test_what_is_no_library_is_said_above_the_form_which_keeps_what_was_typed(
    fake_slack: FakeSlack, content: bytes, said: str
) -> None:
    view, _ = dropped(fake_slack, content, work="Pruning of neural networks")
    again = shown(fake_slack, view)
    assert said in again
    assert "What do you work on?" in again
    assert "Pruning of neural networks" in again
    assert len(asked(fake_slack)) == ("1 MB" not in said)  # Slack says how large it is
    answer = submit_form(fake_slack, view)
    assert answer is not None
    assert "Drafting a profile." in draw_slack(answer["view"])


@pytest.mark.usefixtures("running_bot")
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("http_404", "This file is no longer there"),
        ("http_403", "its app lacks the scope files:read"),
        ("html", "its app lacks the scope files:read"),
        ("http_503", "Slack does not hand over the file: status 503."),
        ("http_429", "Slack does not hand over the file: status 429."),
        # The client asks a second time.
        ("disconnect", "Slack does not hand over the file: it does not answer"),
    ],
)
def test_a_file_that_slack_does_not_hand_over_is_said_above_the_form(
    fake_slack: FakeSlack, fault: str, said: str
) -> None:
    fake_slack.inject_faults("file", fault, fault)
    view, _ = dropped(fake_slack, BIBTEX.encode())
    assert said in shown(fake_slack, view)
    assert "What do you work on?" in shown(fake_slack, view)


@pytest.mark.usefixtures("running_bot")
def test_a_file_that_does_not_come_is_not_waited_for(
    fake_slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given_files, "_SECONDS", 0.1)
    fake_slack.inject_faults("file", "hang")
    view, _ = dropped(fake_slack, BIBTEX.encode())
    assert "does not answer in time" in shown(fake_slack, view)


@pytest.mark.usefixtures("running_bot")
def test_a_file_that_is_larger_than_slack_says_is_not_read_to_its_end(
    fake_slack: FakeSlack,
) -> None:
    fake_slack.inject_faults("file", "unsized")
    view, _ = dropped(fake_slack, b"@misc{" * 400_000, size="7")
    assert "more than 1 MB" in shown(fake_slack, view)


@pytest.mark.usefixtures("running_bot")
def test_the_token_goes_to_slacks_own_host_alone(fake_slack: FakeSlack, logged: StringIO) -> None:
    with run_fake_server(lambda path, body: (200, {}, BIBTEX.encode())) as other:
        fake_slack.elsewhere = f"{other.url}/library.bib"
        view, _ = dropped(fake_slack, b"", url_private=f"{other.url}/library.bib")
        assert "This file is not kept in this chat" in shown(fake_slack, view)
        assert asked(fake_slack) == []
        fake_slack.inject_faults("file", "redirect")
        view, _ = dropped(fake_slack, BIBTEX.encode())
        assert "its app lacks the scope files:read" in shown(fake_slack, view)
        assert other.requests == []


@pytest.mark.usefixtures("running_bot")
def test_where_the_workspaces_token_is_not_to_be_had_the_form_says_so(
    fake_slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(places: Places, team: str) -> FileReader:
        raise Unavailable(renewing(), ChannelReason.BAD_TOKEN)

    monkeypatch.setattr(Places, "files", away)
    view, _ = dropped(fake_slack, BIBTEX.encode())
    assert "just being renewed" in shown(fake_slack, view)


@pytest.mark.usefixtures("running_bot")
def test_a_file_without_an_address_is_chosen_once_more(fake_slack: FakeSlack) -> None:
    view, _ = dropped(fake_slack, BIBTEX.encode(), url_private="")
    assert "choose it once more" in shown(fake_slack, view)


@pytest.mark.usefixtures("running_bot")
def test_who_may_make_no_profile_has_no_file_read(fake_slack: FakeSlack) -> None:
    view = open_form(fake_slack, lambda: fake_slack.command("new"))
    values = filled_in(fake_slack, view)
    ((_, state),) = values["library"].items()
    state["files"] = [fake_slack.drop_file("library.bib", BIBTEX.encode())]
    fake_slack.user_overrides["U3"] = {"is_restricted": True}
    assert_acked(fake_slack.submit(view, values, user="U3"))
    assert "Guests can ask /why" in shown(fake_slack, view)
    assert asked(fake_slack) == []


@pytest.mark.usefixtures("running_bot")
def test_who_has_closed_the_form_is_told_in_a_message(fake_slack: FakeSlack) -> None:
    fake_slack.inject_faults("views.update", "not_found")
    fake_slack.inject_faults("file", "http_404")
    said = private_answer(fake_slack, lambda: dropped(fake_slack, BIBTEX.encode())[1])
    assert "This file is no longer there" in said


@pytest.mark.usefixtures("running_bot")
def test_a_place_for_a_file_that_slack_does_not_take_costs_nobody_the_form(
    fake_slack: FakeSlack,
) -> None:
    fake_slack.inject_faults("views.open", "invalid_arguments")
    view = open_form(fake_slack, lambda: fake_slack.command("new"))
    said = draw_slack(fake_slack.views[view])
    assert "What do you work on?" in said
    assert "Your library, as a file" not in said


def test_what_a_socket_is_opened_with_says_nothing_of_what_the_bot_may_do(
    fake_slack: FakeSlack,
) -> None:
    async def lacking() -> list[bool]:
        async with open_poster(SecretStr("xoxb-1"), fake_slack.url) as out:
            web = await out.workspaces.web("T1")
            found = [lacks_scope(web, "files:read")]
            await web.auth_test()
            await web.apps_connections_open(app_token="xapp-1")
            return [*found, *(lacks_scope(web, each) for each in ("files:read", "admin"))]

    assert asyncio.run(lacking()) == [False, False, True]


@pytest.mark.usefixtures("no_long_waits")
def test_an_app_without_the_scope_has_the_form_without_the_file_and_says_what_is_missing(
    fake_slack: FakeSlack, store: Store, redis_url: str
) -> None:
    store.profiles.put_shared(profile())
    fake_slack.scopes = fake_slack.scopes.replace("files:read,", "")
    with serving(redis_url, fake_slack):
        fake_slack.wait_until(lambda: fake_slack.sockets)
        view = open_form(fake_slack, lambda: fake_slack.command("new"))
        said = draw_slack(fake_slack.views[view])
        assert "Paperboy's app needs the scope files:read: paperboy doctor says how" in said
        assert "Your library, as a file" not in said
        answer = submit_form(fake_slack, view, work="Pruning of neural networks")
        assert answer is not None
        assert "Drafting a profile." in draw_slack(answer["view"])
