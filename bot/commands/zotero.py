"""Saved papers to Zotero: a person's key, given in a form, and sending what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.commands.context import Answer, Context, InvalidForm, Invocation
from bot.domain.readers.saved import SavedPaper
from bot.domain.readers.zotero import ZoteroAccess, group_asked, is_key
from bot.domain.tasks.task import Task
from bot.domain.tasks.zotero import ZoteroErrand, ZoteroResult
from bot.errors import Refused
from bot.sealing import Sealer
from bot.views.keeping import zotero as views

FORM = "zotero-access"


def typed(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`saved zotero`, `saved zotero key`, `saved zotero off`. Other words are not repeated: one may
    be a key."""
    said = [word.lower() for word in words]
    known = {(): send_pressed, ("key",): key_pressed, ("off",): off_pressed}
    if tuple(said) not in known:
        raise Refused(views.unknown_words())
    return known[tuple(said)](invocation, context, "")


def send_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """Sends what wasn't sent; who has no key yet is asked for it."""
    _sealer(context)
    access = context.store.zotero.access(*_who(invocation))
    if access is None:
        return key_pressed(invocation, context, value)
    mine = context.store.saved.of(*_who(invocation))
    new = _unsent(invocation, context, access, mine)
    if not new:
        return Answer(views.nothing_to_send(access, len(mine)))
    return Answer(views.sending(len(new)), task=_errand(invocation, ZoteroErrand(what="send")))


def key_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The form for a key; where none opens, the button that opens it."""
    _sealer(context)
    return Answer(views.give_key(), form=views.key_form(FORM))


def off_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """Forgets the key; what was sent is remembered, so as not to be sent again."""
    store = context.store.zotero
    if not (store.access(*_who(invocation)) or store.proposed(*_who(invocation))):
        raise Refused(views.no_key_here())
    store.forget_key(*_who(invocation))
    return Answer(views.key_forgotten())


def submit(
    invocation: Invocation, context: Context, about: str, answers: Mapping[str, str]
) -> Answer:
    """Keeps a key, sealed, and has Zotero asked about it: only then it is used."""
    sealer, key = _sealer(context), answers.get("key", "").strip()
    library = group_asked(answers.get("group", ""))
    if not is_key(key):
        raise InvalidForm({"key": views.not_a_key()})
    if library is None:
        raise InvalidForm({"group": views.not_a_group()})
    sealed = sealer.seal(key, " ".join(_who(invocation)))
    new = ZoteroAccess(sealed=sealed, library=library, at=invocation.at)
    context.store.zotero.propose(*_who(invocation), new)
    return Answer(views.checking(), task=_errand(invocation, ZoteroErrand(what="check")))


def done(
    invocation: Invocation, context: Context, errand: ZoteroErrand, found: ZoteroResult
) -> Answer:
    """What came of an errand."""
    if errand.what == "send":
        return Answer(views.sent_text(found))
    access = context.store.zotero.access(*_who(invocation))
    mine = context.store.saved.of(*_who(invocation))
    new = _unsent(invocation, context, access, mine) if access else []
    return Answer(views.connected(found, len(new)))


def _unsent(
    invocation: Invocation, context: Context, access: ZoteroAccess, mine: Sequence[SavedPaper]
) -> list[SavedPaper]:
    sent = context.store.zotero.sent(*_who(invocation))
    there = {each.paper for each in sent if each.library == access.library}
    return [each for each in mine if each.paper not in there]


def _errand(invocation: Invocation, errand: ZoteroErrand) -> Task:
    place, person = _who(invocation)
    return Task(zotero=errand, workspace=place, by=person, since=invocation.at)


def _sealer(context: Context) -> Sealer:
    """Raises Refused where the installation has no key to seal with."""
    if context.sealer is None:
        raise Refused(views.no_sealer())
    return context.sealer


def _who(invocation: Invocation) -> tuple[str, str]:
    return invocation.address.workspace_key, invocation.by
