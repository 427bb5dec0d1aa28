"""Commands and buttons about what votes taught: see it, say why not, forget it, undo that."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.arxiv import ids
from bot.commands.context import Answer, Context, Invocation
from bot.commands.due import night_of
from bot.commands.naming import profile_meant
from bot.commands.permissions import Right, require_profile_right
from bot.domain.readers.showing import Price, price_of, telling_examples
from bot.domain.readers.teaching import DownReason, Lesson, VoteUse, VoteWeight
from bot.errors import Refused
from bot.views.learning import showing, teaching


def taught(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`taught [PROFILE]`, `taught forget mine|all|ID [PROFILE]`, `taught weigh off|some|full
    [PROFILE]`."""
    if words and words[0].lower() == "forget":
        return _forget_typed(invocation, context, words[1:])
    if words and words[0].lower() == "weigh":
        return _weigh_typed(invocation, context, words[1:])
    profile = profile_meant(words, invocation, context, "taught")
    place = invocation.address.workspace_key
    lessons = context.store.votes.lessons(place, profile.name)
    found = context.store.votes.taught(place, profile.name)
    may = _may_forget_all(invocation, context, profile.name)
    use = context.store.vote_uses.of(place, profile.name)
    head = teaching.taught_text(profile, lessons, found, use, invocation.by, may)
    examples = telling_examples(lessons, profile, context.judge.model or "")
    price = _price(invocation, context, profile.name)
    return Answer(showing.with_examples(head, profile, use, examples, price, may))


def reason_pressed(reason: DownReason) -> Callable[[Invocation, Context, str], Answer]:
    """A button below "why not?"; it carries `DAY ID`."""

    def press(invocation: Invocation, context: Context, value: str) -> Answer:
        day, _, id = value.partition(" ")
        digest = context.store.history.digest_given_to(invocation.address, day)
        key = f"{invocation.address} {id} {invocation.by}"
        if digest is None or not context.store.votes.explain(
            invocation.address, digest.profile.name, key, reason
        ):
            raise Refused(teaching.vote_gone())
        use = context.store.vote_uses.of(invocation.address.workspace_key, digest.profile.name)
        return Answer(teaching.reason_kept(reason, use))

    return press


def forget_paper(invocation: Invocation, context: Context, value: str) -> Answer:
    """All votes on a paper, or one's own where that is all one may; carries `PROFILE ID`."""
    name, _, paper = value.partition(" ")
    may = _may_forget_all(invocation, context, name)
    return _forget(
        invocation,
        context,
        name,
        lambda lesson: lesson.paper == paper and (may or lesson.by == invocation.by),
    )


def forget_mine(invocation: Invocation, context: Context, value: str) -> Answer:
    return _forget(invocation, context, value, lambda lesson: lesson.by == invocation.by)


def forget_reader(invocation: Invocation, context: Context, value: str) -> Answer:
    """All votes of one person, whom the button does not name: `PROFILE TOKEN`."""
    name, _, token = value.partition(" ")
    _require_right(invocation, context, name)
    return _forget(
        invocation, context, name, lambda lesson: teaching.reader_token(lesson.by) == token
    )


def forget_all(invocation: Invocation, context: Context, value: str) -> Answer:
    _require_right(invocation, context, value)
    return _forget(invocation, context, value, lambda lesson: True)


def asked_to_forget(invocation: Invocation, context: Context, value: str) -> Answer:
    """Asks for confirmation, where the platform has no dialog for that."""
    _require_right(invocation, context, value)
    lessons = context.store.votes.lessons(invocation.address.workspace_key, value)
    if not lessons:
        raise Refused(teaching.nothing_to_forget(value))
    return Answer(teaching.confirm_forget(value, len(lessons)))


def undo_forget(invocation: Invocation, context: Context, value: str) -> Answer:
    """Bring forgotten votes back; the button carries a token."""
    forgotten = context.store.votes.forgotten(invocation.address, value)
    if forgotten is None:
        raise Refused(teaching.undo_expired())
    if forgotten.by != invocation.by:
        _require_right(invocation, context, forgotten.profile)
    back = context.store.votes.restore(invocation.address, value, forgotten)
    return Answer(teaching.restored_text(forgotten.profile, back, len(forgotten.lessons)))


def weigh_pressed(weight: VoteWeight) -> Callable[[Invocation, Context, str], Answer]:
    """A button that says how much votes count; it carries a profile's name."""

    def press(invocation: Invocation, context: Context, value: str) -> Answer:
        profile = context.find_profile(value, invocation.address)
        _require_right(invocation, context, profile.name)

        def weighed(use: VoteUse | None) -> VoteUse:
            return (use or VoteUse()).model_copy(update={"weight": weight})

        place = invocation.address.workspace_key
        before, after = context.store.vote_uses.change(place, profile.name, weighed)
        return Answer(teaching.weighed_text(profile, before, after))

    return press


def show_examples(invocation: Invocation, context: Context, value: str) -> Answer:
    """Have the model shown papers whose votes contradict it; carries a profile's name. What is
    shown is chosen at night."""
    profile = context.find_profile(value, invocation.address)
    _require_right(invocation, context, profile.name)
    place, price = invocation.address.workspace_key, _price(invocation, context, profile.name)
    lessons = context.store.votes.lessons(place, profile.name)
    if price is None or not telling_examples(lessons, profile, context.judge.model or ""):
        raise Refused(showing.nothing_to_show())
    began = {"shows": True, "night": night_of(invocation.at)}

    def shown(use: VoteUse | None) -> VoteUse:
        use = use or VoteUse()
        return use if use.shows else use.model_copy(update=began)

    context.store.vote_uses.change(place, profile.name, shown)
    return Answer(showing.shown_text(profile, price))


def hide_examples(invocation: Invocation, context: Context, value: str) -> Answer:
    """Take that back, at once."""
    profile = context.find_profile(value, invocation.address)
    _require_right(invocation, context, profile.name)
    over = {"shows": False, "chosen": (), "night": None}

    def hidden(use: VoteUse | None) -> VoteUse:
        return (use or VoteUse()).model_copy(update=over)

    context.store.vote_uses.change(invocation.address.workspace_key, profile.name, hidden)
    return Answer(showing.hidden_text(profile))


def _price(invocation: Invocation, context: Context, profile: str) -> Price | None:
    """What showing the model examples would cost, by this workspace's last digest that was paid
    for; None without a model, and before there was one."""
    if context.judge.model is None:
        return None
    store, place = context.store, invocation.address
    same = [each.address for each in store.subscriptions.all() if each.profile == profile]
    here = [each for each in same if each.workspace_key == place.workspace_key]
    is_shared = len(here) < len(same)
    for address in dict.fromkeys((*here, place)):
        last = store.history.last(address, profile)
        digest = store.history.digest_given_to(address, last.day) if last else None
        if digest and digest.judge.model and (price := price_of(digest.usage, is_shared)):
            return price
    return None


def _weigh_typed(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    word = words[0].lower() if words else ""
    if word not in list(VoteWeight):
        raise Refused(teaching.which_weight(word))
    profile = profile_meant(words[1:], invocation, context, f"taught weigh {word}")
    return weigh_pressed(VoteWeight(word))(invocation, context, profile.name)


def _forget_typed(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    what, rest = (words[0].lower() if words else "mine"), words[1:]
    profile = profile_meant(rest, invocation, context, "taught forget mine|all|ID")
    if what in ("mine", "all"):
        return {"mine": forget_mine, "all": forget_all}[what](invocation, context, profile.name)
    paper = ids.parse_one(what).id
    return forget_paper(invocation, context, f"{profile.name} {paper}")


def _forget(
    invocation: Invocation, context: Context, profile: str, is_meant: Callable[[Lesson], bool]
) -> Answer:
    votes, place = context.store.votes, invocation.address
    meant = [each for each in votes.lessons(place.workspace_key, profile) if is_meant(each)]
    if not meant:
        raise Refused(teaching.nothing_to_forget(profile))
    token = votes.forget(place, profile, meant, invocation.by, invocation.at)
    return Answer(teaching.forgotten_text(profile, len(meant), token))


def _may_forget_all(invocation: Invocation, context: Context, profile: str) -> bool:
    try:
        _require_right(invocation, context, profile)
    except Refused:
        return False
    return True


def _require_right(invocation: Invocation, context: Context, profile: str) -> None:
    """Who may change a profile may forget what others taught it. Raises Refused."""
    place = invocation.address
    if place.platform == "terminal":
        return
    here = context.store.subscriptions.of_workspace(place.platform, place.workspace)
    used_in = [each.address.channel for each in here if each.profile == profile]
    context.authorise(invocation, Right.CHANGE)
    require_profile_right(invocation.person, False, used_in or None)
