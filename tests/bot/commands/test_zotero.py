"""A person's key to Zotero: asked for in a form, refused as a message, and never repeated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.commands import dispatch
from bot.commands.context import Answer, Context, InvalidForm, Invocation
from bot.discord import forms as forms_discord
from bot.domain.judge import Judge
from bot.domain.message import Message
from bot.domain.readers.zotero import SentPaper, ZoteroAccess
from bot.domain.status import Status
from bot.domain.tasks.zotero import ZoteroErrand, ZoteroResult
from bot.errors import Refused
from bot.sealing import Sealer
from bot.slack import forms as forms_slack
from bot.store.lookups import Lookups
from bot.store.store import Store
from bot.terminal.render import as_text
from bot.views.keeping import zotero as views
from tests.bot.commands.samples import INVOCATION, PROFILE_VALUES, deliver_day
from tests.conftest import check_golden
from tests.factories import NOW, profile
from tests.zotero_at_work import KEY, OWNER, SEALING

ONE, TWO = "2503.10000", "2503.10001"


def drawn(message: Message) -> str:
    labels = "".join(f"[ {button.label} ] " for button in message.buttons)
    return as_text([message]) + (f"   {labels.strip()}\n" if labels else "")


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())
    status = lambda: Status.model_validate({})  # noqa: E731
    context = Context(store, Lookups(store), Judge(), status, sealer=Sealer([SEALING]))
    deliver_day(context)
    return context


def typed(context: Context, text: str, who: Invocation = INVOCATION) -> Answer:
    return dispatch.answer(replace(who, text=text), context)


def pressed(context: Context, action: str, value: str = "") -> Answer:
    return dispatch.press(INVOCATION, action, value, context)


def connect(context: Context, library: str = "users/1") -> None:
    used = ZoteroAccess(sealed="-", library=library, name="ada", at=NOW)
    context.store.zotero.propose(*OWNER, used)
    context.store.zotero.accept(*OWNER, used, used)


def test_who_has_no_key_yet_gets_the_form_for_it(context: Context) -> None:
    pressed(context, "save", f"day {ONE}")
    listed = typed(context, "saved").head
    assert listed is not None
    assert "Send to Zotero" in [button.label for button in listed.buttons]
    for answer in (typed(context, "saved zotero"), pressed(context, "zotero")):
        assert answer.form is not None
        assert [field.kind for field in answer.form.fields] == ["secret", "text"]
        assert answer.head is not None  # where no form opens
        assert answer.head.buttons[0].action == "zotero-key"
    assert typed(context, "saved zotero key").form == answer.form


def test_without_a_key_to_encrypt_with_it_says_what_to_set(context: Context) -> None:
    bare = replace(context, sealer=None)
    for act in (
        lambda: typed(bare, "saved zotero"),
        lambda: typed(bare, "saved zotero key"),
        lambda: dispatch.submit(INVOCATION, "zotero-access", "", {"key": KEY}, bare),
    ):
        with pytest.raises(Refused, match="PAPERBOY_SECRETS_KEY") as raised:
            act()
        assert KEY not in str(raised.value)


def test_a_key_is_kept_encrypted_until_zotero_was_asked(context: Context, store: Store) -> None:
    given = {"key": f" {KEY}\n", "group": "7"}
    answer = dispatch.submit(INVOCATION, "zotero-access", "", given, context)
    assert answer.task is not None
    assert answer.task.zotero == ZoteroErrand(what="check")
    assert KEY not in answer.task.model_dump_json()
    new = store.zotero.proposed(*OWNER)
    assert new is not None
    assert new.library == "7"
    assert KEY not in new.sealed
    assert Sealer([SEALING]).open(new.sealed, "slack:T1 U1") == KEY
    assert store.zotero.access(*OWNER) is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"key": ""}, "key"),
        ({"key": KEY[:-1]}, "key"),
        ({"key": f"{KEY[:12]} {KEY[12:]}"}, "key"),
        ({"key": "<!channel>" + KEY[10:]}, "key"),
        ({"key": KEY, "group": KEY}, "group"),
        ({"key": KEY, "group": "../7"}, "group"),
    ],
)
def test_what_is_no_key_is_said_in_a_sentence_that_does_not_repeat_it(
    context: Context, given: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidForm) as raised:
        dispatch.submit(INVOCATION, "zotero-access", "", given, context)
    assert list(raised.value.field_errors) == [field]
    assert KEY[12:] not in str(raised.value)
    assert context.store.zotero.proposed(*OWNER) is None


@pytest.mark.parametrize(
    "text",
    [
        f"saved zotero {KEY}",
        f"saved zotero key {KEY}",
        f"/digest saved {KEY}",
        f"{KEY}",
        f"search {KEY}",
        f"follow term {KEY}",
        f"/why {KEY}",
        f"new {KEY}",
        f'my key is "{KEY}".',
    ],
)
def test_a_key_that_is_typed_goes_nowhere_and_is_not_repeated(context: Context, text: str) -> None:
    with pytest.raises(Refused, match="revoke the key") as raised:
        typed(context, text)
    assert KEY not in str(raised.value)
    said = dispatch.button_for(text)  # in a channel on Discord
    assert said is not None
    assert KEY not in said.model_dump_json()
    with pytest.raises(Refused, match="revoke the key"):
        pressed(context, dispatch.RUN, text)


@pytest.mark.parametrize(
    ("form", "answers"),
    [
        ("work", {"work": f"Sparse codes. {KEY}"}),
        ("profile", PROFILE_VALUES | {"look_for": f"Bounds: {KEY}"}),
    ],
)
def test_nor_does_one_that_is_typed_into_another_form(
    context: Context, form: str, answers: dict[str, str]
) -> None:
    with pytest.raises(Refused, match="revoke the key"):
        dispatch.submit(INVOCATION, form, "", answers, context)


def test_a_library_with_such_a_word_in_it_is_read_all_the_same(context: Context) -> None:
    library = f"@misc{{a, title={{A}}, note={{{KEY}}}}}"
    answer = dispatch.submit(INVOCATION, "work", "", {"work": "", "library": library}, context)
    assert answer.task is not None


def test_other_words_are_not_repeated(context: Context) -> None:
    with pytest.raises(Refused, match="/digest saved zotero key opens") as raised:
        typed(context, "saved zotero hush")
    assert "hush" not in str(raised.value)


def test_only_what_was_not_sent_is_sent(context: Context, store: Store) -> None:
    connect(context)
    said = typed(context, "saved zotero").head
    assert said is not None
    assert "no saved papers here to send" in said.title
    for id in (ONE, TWO):
        pressed(context, "save", f"day {id}")
    answer = pressed(context, "zotero")
    assert answer.task is not None
    assert answer.task.zotero == ZoteroErrand(what="send")
    assert answer.head is not None
    assert "Sending 2 papers" in answer.head.title
    for id in (ONE, TWO):
        sent = SentPaper(paper=id, title="A", library="users/1", item="ABCD2345", at=NOW)
        store.zotero.put_sent(*OWNER, [sent])
    done = typed(context, "saved zotero")
    assert done.task is None
    assert done.head is not None
    assert "All your saved papers were sent to ada's Zotero library already." in done.head.title
    connect(context, "groups/7")
    assert typed(context, "saved zotero").task is not None


def test_a_key_is_forgotten_and_what_was_sent_is_not(context: Context, store: Store) -> None:
    connect(context)
    sent = SentPaper(paper=ONE, title="A", library="users/1", item="ABCD2345", at=NOW)
    store.zotero.put_sent(*OWNER, [sent])
    typed(context, "saved zotero off")
    assert store.zotero.access(*OWNER) is None
    assert store.zotero.sent(*OWNER) == [sent]
    with pytest.raises(Refused, match="gave Paperboy no key"):
        pressed(context, "zotero-off")


def test_no_form_is_ever_filled_in_with_a_secret() -> None:
    form = views.key_form("zotero-access").filled({"key": KEY, "group": "7"})
    shown: list[Any] = [form, forms_slack.modal(form), forms_discord.modal(form)]
    assert KEY not in str(shown)
    assert form.fields[1].value == "7"


def test_what_is_said_reads_well() -> None:
    done = ZoteroResult(name="ada", library="users/1", sent=3)
    several = ("2503.10001", "2503.10002", "2503.10003", "2503.10004", "2503.10005", "2503.10006")
    most = done.model_copy(
        update={
            "there": 2,
            "refused": several,
            "missing": 1,
            "stopped": views.slow_down(125),
        }
    )
    group = done.model_copy(update={"library": "groups/7"})
    access = ZoteroAccess(sealed="-", library="users/1", name="ada", at=NOW)
    messages = [
        views.give_key(),
        views.checking(),
        views.connected(done, 3),
        views.connected(group, 0),
        views.sending(120),
        views.sending(120, 50),
        views.sent_text(done),
        views.sent_text(most),
        views.sent_text(done.model_copy(update={"sent": 0, "there": 3})),
        views.not_done(ZoteroErrand(what="check"), views.key_unknown()),
        views.not_done(ZoteroErrand(what="send"), views.no_access()),
        views.nothing_to_send(access, 3),
        views.key_forgotten(),
    ]
    sentences = [
        *(views.no_sealer(), views.key_typed(), views.unknown_words(), views.not_a_key()),
        *(views.not_a_group(), views.no_key_here(), views.key_unreadable(), views.key_gone()),
        *(views.key_unknown(), views.may_not_write(""), views.may_not_write("7")),
        *(views.no_access(), views.no_library(), views.locked(), views.changed_meanwhile()),
        *(views.too_large(), views.slow_down(20), views.refused(500)),
        *(views.unreachable("nothing listens there"), views.not_zotero()),
    ]
    every = (*messages, *(Message(title=each) for each in sentences))
    check_golden("views/zotero.txt", "\n".join(map(drawn, every)))


def test_papers_are_sent_beside_days_and_a_key_is_checked_beside_questions(
    context: Context,
) -> None:
    connect(context)
    pressed(context, "save", f"day {ONE}")
    sending = pressed(context, "zotero").task
    assert sending is not None
    assert not sending.is_quick  # Zotero may ask for pauses, and /why is not to wait for them
    checking = dispatch.submit(INVOCATION, "zotero-access", "", {"key": KEY}, context).task
    assert checking is not None
    assert checking.is_quick
