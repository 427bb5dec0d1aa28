"""Our Slack on loopback, met by the real slack_sdk and slack_bolt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from tests.servers.fake_slack import FakeSlack, run_fake_slack, signature_headers

UP = {
    "type": "button",
    "action_id": "up",
    "value": "p1",
    "text": {"type": "plain_text", "text": "Up"},
}
ROW = {"type": "actions", "block_id": "row", "elements": [UP]}
FORM = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "New profile"},
    "submit": {"type": "plain_text", "text": "Make"},
    "blocks": [
        {
            "type": "input",
            "block_id": "name",
            "label": {"type": "plain_text", "text": "Name"},
            "element": {"type": "plain_text_input", "action_id": "typed"},
        }
    ],
}
KEY = {"event_type": "paperboy", "event_payload": {"key": "k1"}}


@pytest.fixture
def fake_slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSlack]:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    with run_fake_slack() as it:
        yield it


def client(fake_slack: FakeSlack, token: str = "xoxb-1", timeout: int = 5) -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=fake_slack.url, timeout=timeout, retry_handlers=[])


@asynccontextmanager
async def bot(fake_slack: FakeSlack) -> AsyncIterator[AsyncApp]:
    """A tiny bot, connected."""
    app = AsyncApp(client=client(fake_slack))

    @app.command("/digest")
    async def digest(ack: Any, body: Any, client: Any, respond: Any) -> None:
        await ack()
        if body["text"] == "new":
            await client.views_open(trigger_id=body["trigger_id"], view=FORM)
        elif body["text"] == "slow":
            await client.chat_postMessage(channel=body["channel_id"], text="Up?", blocks=[ROW])
        else:
            await respond(f"You said {body['text']}.")

    @app.action("up")
    async def up(ack: Any, body: Any, respond: Any) -> None:
        await ack()
        pressed = body["actions"][0]
        await respond(f"{pressed['value']} in {pressed['block_id']} by {body['user']['id']}")

    @app.view("form")
    async def made(ack: Any, view: Any) -> None:
        typed = view["state"]["values"]["name"]["typed"]["value"]
        wrong = {"response_action": "errors", "errors": {"name": f"{typed} is taken."}}
        await (ack(**wrong) if typed == "old" else ack())

    @app.options("topic")
    async def topics(ack: Any, payload: Any) -> None:
        option = {"text": {"type": "plain_text", "text": payload["value"]}, "value": "t"}
        await ack(options=[option])

    @app.shortcut("why")
    async def why(ack: Any, shortcut: Any, client: Any) -> None:
        await ack()
        ts = shortcut["message"]["ts"]
        await client.chat_postMessage(channel=shortcut["channel"]["id"], thread_ts=ts, text="So.")

    @app.event("app_home_opened")
    async def home(event: Any, client: Any) -> None:
        await client.views_publish(
            user_id=event["user"], view={"type": "home", "blocks": [{"type": "divider"}]}
        )

    handler = AsyncSocketModeHandler(app, "xapp-1", ping_interval=2)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    try:
        yield app
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


def conversation(fake_slack: FakeSlack, person: Callable[[], None]) -> None:
    """What a person does while the bot is connected."""

    async def both() -> None:
        async with bot(fake_slack):
            await asyncio.to_thread(fake_slack.wait_until, lambda: fake_slack.sockets)
            await asyncio.to_thread(person)

    asyncio.run(both())


def refused(work: Coroutine[Any, Any, Any]) -> SlackApiError:
    with pytest.raises(SlackApiError) as caught:
        asyncio.run(work)
    return caught.value


def test_a_command_is_acknowledged_and_answered_to_the_one_who_typed_it(
    fake_slack: FakeSlack,
) -> None:
    def person() -> None:
        ack = fake_slack.command("list", user="U2")
        assert ack.acked
        fake_slack.wait_until(lambda: fake_slack.ephemeral)
        shown = fake_slack.ephemeral[0]
        assert (shown["text"], shown["user"], shown["via"]) == (
            "You said list.",
            "U2",
            "response_url",
        )
        assert fake_slack.visible_messages("C1") == []

    conversation(fake_slack, person)


def test_a_command_without_a_bot_is_not_acknowledged(fake_slack: FakeSlack) -> None:
    assert not fake_slack.command("list").acked


def test_the_same_envelope_comes_twice(fake_slack: FakeSlack) -> None:
    def person() -> None:
        first = fake_slack.command("list")
        again = fake_slack.send_envelope(
            "slash_commands", first.sent["payload"], retry=1, redelivery_of=first
        )
        assert again.sent["envelope_id"] == first.sent["envelope_id"]
        assert again.acked
        fake_slack.wait_until(lambda: len(fake_slack.ephemeral) == 2)

    conversation(fake_slack, person)


def test_a_button_is_pressed_in_a_message(fake_slack: FakeSlack) -> None:
    def person() -> None:
        fake_slack.command("slow", channel="C2")
        fake_slack.wait_until(lambda: fake_slack.visible_messages("C2"))
        message = fake_slack.visible_messages("C2")[0]
        button = message["blocks"][0]["elements"][0]
        assert fake_slack.press(button, channel="C2", message_ts=message["ts"], user="U3").acked
        fake_slack.wait_until(lambda: fake_slack.ephemeral)
        assert fake_slack.ephemeral[0]["text"] == "p1 in row by U3"

    conversation(fake_slack, person)


def test_a_form_is_opened_corrected_and_sent(fake_slack: FakeSlack) -> None:
    def person() -> None:
        fake_slack.command("new")
        fake_slack.wait_until(lambda: fake_slack.views)
        [id] = fake_slack.views

        def send(name: str) -> Any:
            typed = {"type": "plain_text_input", "value": name}
            return fake_slack.submit(id, {"name": {"typed": typed}}).payload

        assert send("old")["errors"] == {"name": "old is taken."}
        assert send("fresh") is None

    conversation(fake_slack, person)


def test_a_select_a_shortcut_and_the_home_are_answered(fake_slack: FakeSlack) -> None:
    def person() -> None:
        suggested = fake_slack.suggest("topic", "b0", "maths").payload
        assert suggested
        assert suggested["options"][0]["text"]["text"] == "maths"
        fake_slack.command("slow")
        fake_slack.wait_until(lambda: fake_slack.visible_messages("C1"))
        fake_slack.shortcut("why", "C1", fake_slack.visible_messages("C1")[0]["ts"])
        fake_slack.wait_until(lambda: len(fake_slack.visible_messages("C1")) == 2)
        fake_slack.send_event({"type": "app_home_opened", "user": "U2", "tab": "home"})
        fake_slack.wait_until(lambda: fake_slack.homes)
        assert fake_slack.homes["U2"]["type"] == "home"

    conversation(fake_slack, person)


def test_the_bot_comes_back_after_its_connection_was_cut(fake_slack: FakeSlack) -> None:
    def person() -> None:
        fake_slack.drop_connections()
        assert not fake_slack.sockets
        fake_slack.wait_until(lambda: fake_slack.sockets)
        assert fake_slack.command("list").acked

    conversation(fake_slack, person)


def test_a_message_whose_reply_was_lost_is_found_by_its_metadata(fake_slack: FakeSlack) -> None:
    async def post() -> None:
        fake_slack.inject_faults("chat.postMessage", "lost_reply", "disconnect")
        for _ in range(2):
            with pytest.raises(aiohttp.ClientError):
                await client(fake_slack).chat_postMessage(channel="C1", text="One", metadata=KEY)
        blind = await client(fake_slack).conversations_history(channel="C1")
        assert "metadata" not in blind["messages"][0]
        seen = await client(fake_slack).conversations_history(
            channel="C1", include_all_metadata=True
        )
        assert [m["metadata"] for m in seen["messages"]] == [KEY]

    asyncio.run(post())
    assert [c.error for c in fake_slack.calls if c.method == "chat.postMessage"] == [
        "lost_reply",
        "disconnect",
    ]


def test_threads_are_read_in_pages_from_where_one_asks(fake_slack: FakeSlack) -> None:
    async def post() -> None:
        me = client(fake_slack)
        first = await me.chat_postMessage(channel="U1", text="0")
        where = {"channel": first["channel"], "ts": first["ts"]}
        for n in range(1, 5):
            await me.chat_postMessage(channel=first["channel"], text=str(n), thread_ts=first["ts"])
        last = await me.chat_postMessage(channel=first["channel"], text="5")
        assert [m["text"] for m in fake_slack.visible_messages("D1")] == list("012345")
        first_page = await me.conversations_replies(**where, limit=2)
        pages = [[m["text"] for m in page["messages"]] async for page in first_page]
        assert pages == [["0", "1"], ["2", "3"], ["4"]]
        third = fake_slack.visible_messages("D1")[3]["ts"]
        late = await me.conversations_replies(**where, oldest=third)
        assert [m["text"] for m in late["messages"]] == ["0", "4"]
        late = await me.conversations_replies(**where, oldest=third, inclusive=True)
        assert [m["text"] for m in late["messages"]] == ["0", "3", "4"]
        above = await me.conversations_history(channel=first["channel"], latest=last["ts"])
        assert [m["text"] for m in above["messages"]] == ["0"]
        await me.chat_update(**where, text="changed")
        await me.chat_delete(channel=first["channel"], ts=last["ts"])
        assert [m["text"] for m in fake_slack.visible_messages("D1")] == ["changed", *"1234"]

    asyncio.run(post())


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"channel": "C9", "text": "x"}, "channel_not_found"),
        ({"channel": "C2", "text": "x"}, "is_archived"),
        ({"channel": "C3", "text": "x"}, "not_in_channel"),
        ({"channel": "C1", "text": ""}, "no_text"),
        ({"channel": "C1", "text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        (
            {
                "channel": "C1",
                "text": "x",
                "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
            },
            "invalid_blocks",
        ),
    ],
)
def test_what_slack_would_not_post_is_refused(
    fake_slack: FakeSlack, fields: dict[str, Any], error: str
) -> None:
    fake_slack.channels["C2"].archived = True
    fake_slack.channels["C3"].bot_is_member = False
    assert (
        refused(client(fake_slack).api_call("chat.postMessage", json=fields)).response["error"]
        == error
    )


def test_what_a_person_deletes_leaves_a_place_only_where_it_had_replies(
    fake_slack: FakeSlack,
) -> None:
    async def say(text: str, under: str | None = None) -> str:
        said = await client(fake_slack).chat_postMessage(channel="C1", text=text, thread_ts=under)
        return str(said["ts"])

    async def talk() -> None:
        head = await say("head")
        fake_slack.delete_message("C1", head)
        assert fake_slack.visible_messages("C1") == []
        await say("a reply to nothing", head)
        (alone,) = fake_slack.visible_messages("C1")
        assert "thread_ts" not in alone
        await say("a reply", alone["ts"])
        fake_slack.delete_message("C1", alone["ts"])
        assert [m["text"] for m in fake_slack.visible_messages("C1")] == [
            "This message was deleted.",
            "a reply",
        ]
        await say("another", alone["ts"])
        assert len(fake_slack.visible_messages("C1")) == 3

    asyncio.run(talk())
    gone = fake_slack.visible_messages("C1")[0]["ts"]
    answer = refused(client(fake_slack).chat_update(channel="C1", ts=gone, text="x")).response
    assert answer["error"] == "cant_update_message"


def test_tokens_and_scopes_are_looked_at(fake_slack: FakeSlack) -> None:
    fake_slack.scopes = "commands"
    answer = refused(client(fake_slack).chat_postMessage(channel="C1", text="x")).response
    assert (answer["error"], answer["needed"]) == ("missing_scope", "chat:write")
    assert answer.headers["X-OAuth-Scopes"] == "commands"
    assert refused(client(fake_slack, "nonsense").auth_test()).response["error"] == "invalid_auth"
    fake_slack.inject_faults("auth.test", "token_revoked")
    assert refused(client(fake_slack).auth_test()).response["error"] == "token_revoked"
    opened = client(fake_slack).apps_connections_open(app_token="xoxb-1")
    assert refused(opened).response["error"] == "not_allowed_token_type"


def test_too_many_messages_a_second_get_retry_after(fake_slack: FakeSlack) -> None:
    fake_slack.rate_limit = 1.0

    async def post(channel: str) -> None:
        await client(fake_slack).chat_postMessage(channel=channel, text="x")

    asyncio.run(post("C1"))
    asyncio.run(post("C2"))
    answer = refused(post("C1")).response
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


@pytest.mark.parametrize(("fault", "status"), [("http_500", 500), ("http_503", 503), ("html", 502)])
def test_a_broken_slack_answers_with_no_json(
    fake_slack: FakeSlack, fault: str, status: int
) -> None:
    fake_slack.inject_faults("auth.test", fault)
    assert refused(client(fake_slack).auth_test()).response.status_code == status


def test_a_call_that_hangs_does_not_keep_the_test(fake_slack: FakeSlack) -> None:
    fake_slack.inject_faults("chat.postMessage", "hang")

    async def give_up() -> None:
        async with asyncio.timeout(0.1):
            await client(fake_slack).chat_postMessage(channel="C1", text="x")

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert fake_slack.visible_messages("C1") == []


def test_a_trigger_opens_one_form_and_an_answer_address_works_five_times(
    fake_slack: FakeSlack,
) -> None:
    typed = fake_slack.command("new").sent["payload"]

    async def use() -> list[int]:
        await client(fake_slack).views_open(trigger_id=typed["trigger_id"], view=FORM)
        said = {"text": "x", "response_type": "in_channel"}
        async with aiohttp.ClientSession() as session:
            answers = [await session.post(typed["response_url"], json=said) for _ in range(6)]
            return [answer.status for answer in answers]

    assert asyncio.run(use()) == [200] * 5 + [404]
    assert len(fake_slack.visible_messages("C1")) == 5
    again = client(fake_slack).views_open(trigger_id=typed["trigger_id"], view=FORM)
    assert refused(again).response["error"] == "exchanged_trigger_id"


def test_what_is_signed_is_believed_by_the_real_verifier() -> None:
    headers = signature_headers("secret", "a=b")
    assert SignatureVerifier("secret").is_valid_request("a=b", headers)
    assert not SignatureVerifier("other").is_valid_request("a=b", headers)
