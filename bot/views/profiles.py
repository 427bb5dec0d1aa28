"""Profiles: the list, one in full, and a changed one: what changed, who did it, how to undo it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bot.arxiv import ids
from bot.arxiv.text import one_line, shortened
from bot.domain.draft import Origin, OriginKind
from bot.domain.languages import language_name
from bot.domain.message import Button, CommandLine, File, Item, Message
from bot.domain.papers import Profile
from bot.domain.tasks.trial import DAYS

# Changes listed one by one, and the characters of each; the rest are counted.
_TOLD: Final = 8
_LONG: Final = 160
# A profile's page: rows, and the characters of each.
_ROWS: Final = 12
_LINE: Final = 200
# Characters of a profile's file that can be pasted where one is made.
_FILE: Final = 3_000


def profiles_list(profiles: Iterable[Profile], channel: str) -> Message:
    """Every profile, with buttons to look at its latest digest, and at the profile."""
    items = tuple(
        Item(
            title=profile.title,
            small=(f"{profile.name} · {', '.join(profile.categories)}",),
            buttons=(
                Button(action="preview", label="Try it", value=f"{channel} {profile.name}"),
                Button(action="profile", label="Open", value=profile.name),
            ),
        )
        for profile in profiles
    )
    return Message(
        title="Profiles: what a channel can subscribe to",
        items=items,
        buttons=(Button(action="new", label="Make a profile"),),
    )


def profile_page(
    profile: Profile, channel: str, may_change: bool, own: bool, subscribed: bool
) -> Message:
    """One profile, with what can be done with it; `own`: the workspace can delete it."""
    cutoffs, words = profile.cutoffs, profile.keywords
    cross = "" if profile.cross_lists else ", no cross-lists"
    rows = [f"arXiv: {', '.join(profile.categories)}{cross}"]
    rows += [f"{topic.name}: {topic.relevant}" for topic in profile.topics]
    if words.relevant:
        rows.append(f"Keywords: {', '.join(words.relevant)}")
    if profile.authors.follow:
        rows.append(f"Authors: {', '.join(profile.authors.follow)}")
    if profile.examples:
        rows.append(f"More like: {'; '.join(each.title for each in profile.examples)}")
    value = f"{channel} {profile.name}"
    buttons = [Button(action="preview", label="Try it", value=value), _last_days(profile)]
    if may_change and not subscribed:
        buttons.append(Button(action="subscribe-to", label="Subscribe this channel", value=value))
    if may_change:
        buttons.append(Button(action="edit-profile", label="Edit", value=profile.name))
        buttons.append(Button(action="copy-profile", label="Duplicate", value=profile.name))
    buttons.append(Button(action="history", label="History", value=profile.name))
    buttons.append(Button(action="profile-file", label="As a file", value=profile.name))
    if may_change and own:
        buttons.append(_delete(profile).model_copy(update={"confirm": _really(profile)}))
    return Message(
        title=f"{one_line(profile.title)} ({profile.name})",
        text=tuple(shortened(one_line(row), _LINE) for row in rows[:_ROWS]),
        small=(
            f"Picks relevance {cutoffs.relevance} and novelty {cutoffs.novelty} or more, at most "
            f"{profile.maximum} papers.",
        ),
        buttons=tuple(buttons),
    )


def _last_days(profile: Profile) -> Button:
    return Button(action="trial", label=f"Its last {DAYS} days", value=profile.name)


def profile_file(profile: Profile, toml: str) -> tuple[Message, File | None]:
    """A profile as the text of a file; half of one would be none, so a long one is a file."""
    name = f"{profile.name}.toml"
    title = f"{one_line(profile.title)}, as a file"
    if len(toml) > _FILE:
        head = Message(title=title, text=("Give it where a profile is made: /digest new.",))
        return head, File(
            name=name,
            noun="file",
            alt=one_line(profile.title),
            content=toml.encode(),
            media_type="application/toml",
        )
    text = f"Save it as {name}, or paste it where a profile is made."
    return Message(title=title, text=(text,), code=toml), None


def _delete(profile: Profile) -> Button:
    return Button(action="delete-profile", label="Delete", value=profile.name)


def _really(profile: Profile) -> str:
    return f"Delete the profile {one_line(profile.title)}? Posted digests stay."


def confirm_delete(profile: Profile) -> Message:
    """Asks before a profile is deleted."""
    return Message(title=_really(profile), buttons=(_delete(profile),))


def deleted(profile: Profile, token: str, ships: bool) -> Message:
    """`ships`: one of that name ships with Paperboy, and counts again."""
    text = ("The profile of that name that ships with Paperboy counts again.",) if ships else ()
    return Message(
        title=f"Deleted: {one_line(profile.title)}.",
        text=text,
        small=("Undo works for a day.",),
        buttons=(Button(action="undo", label="Undo", value=token),),
    )


def not_yours_to_delete(profile: Profile) -> str:
    return f"{one_line(profile.title)} ships with Paperboy and can't be deleted."


def still_used(profile: Profile) -> str:
    """In how many channels is nobody's business who is not in them."""
    return f"{one_line(profile.title)} can't be deleted while a channel uses it: unsubscribe first."


def copied_title(title: str) -> str:
    return shortened(f"Copy of {one_line(title)}", 100)


def profile_saved(profile: Profile, channel: str, changed: bool, anew: str = "") -> Message:
    """`channel` is empty where no channel can be subscribed; `anew` says what a change costs."""
    done = "Changed" if changed else "Created"
    value = f"{channel} {profile.name}"
    buttons = [Button(action="preview", label="Try it", value=value), _last_days(profile)]
    if not changed:
        label = "Subscribe this channel"
        buttons.insert(0, Button(action="subscribe-to", label=label, value=value))
    return Message(
        title=f"{done}: {one_line(profile.title)}.",
        text=(anew,) if anew else (),
        commands=(CommandLine(word="digest subscribe", arguments=profile.name),),
        buttons=tuple(buttons) if channel else (),
    )


def changes(before: Profile, after: Profile) -> list[str]:
    """What changed, a clause each; empty for equal profiles."""
    found = list(_changes(before, after))
    told = [shortened(one_line(each), _LONG) for each in found[:_TOLD]]
    return told + ([f"and {len(found) - _TOLD} more changes"] if len(found) > _TOLD else [])


def _changes(before: Profile, after: Profile) -> Iterator[str]:
    if before.title != after.title:
        yield f"the title was {before.title}"
    yield from _listed("categories", before.categories, after.categories)
    if before.cross_lists != after.cross_lists:
        yield "cross-lists are included" if after.cross_lists else "cross-lists are left out"
    numbers = {
        "relevance cut-off": (before.cutoffs.relevance, after.cutoffs.relevance),
        "novelty cut-off": (before.cutoffs.novelty, after.cutoffs.novelty),
        "most papers in a digest": (before.maximum, after.maximum),
    }
    for label, (was, now) in numbers.items():
        if was != now:
            yield f"{label}: {now}, was {was}"
    if before.language != after.language:
        yield f"the sentences are in {language_name(after.language)}"
    if before.gate != after.gate:
        yield "the gate is on" if after.gate else "the gate is off: every paper is scored"
    yield from _topic_changes(before, after)
    for label in ("relevant", "irrelevant", "application"):
        said = {"relevant": "keywords", "irrelevant": "words to avoid"}.get(label, f"{label} words")
        yield from _listed(said, getattr(before.keywords, label), getattr(after.keywords, label))
    yield from _listed("followed authors", before.authors.follow, after.authors.follow)
    old, new = ([each.title for each in of.examples] for of in (before, after))
    yield from _listed("example papers", old, new)
    if old == new and before.examples != after.examples:
        yield "example papers: other ids or abstracts"


def _topic_changes(before: Profile, after: Profile) -> Iterator[str]:
    old, new = ({t.name: t for t in p.topics} for p in (before, after))
    yield from (f"new topic: {name}" for name in new if name not in old)
    yield from (f"topic removed: {name}" for name in old if name not in new)
    for name in [name for name in new if name in old and new[name] != old[name]]:
        if new[name].relevant != old[name].relevant:
            yield f"{name} now looks for: {new[name].relevant}"
        if new[name].irrelevant != old[name].irrelevant:
            yield f"{name} now leaves out: {new[name].irrelevant or 'nothing'}"
    if old.keys() == new.keys() and list(old) != list(new):
        yield "the topics are in another order"


def _listed(label: str, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """`keywords: + pruning, − survey`."""
    signed = [f"+ {word}" for word in after if word not in before]
    signed += [f"− {word}" for word in before if word not in after]
    if signed:
        yield f"{label}: {', '.join(signed)}"
    elif tuple(before) != tuple(after):
        yield f"{label}: in another order"


def change_announcement(
    by: str, profile: Profile, different: Sequence[str], token: str, undone: bool
) -> Message:
    """Posted in every channel that uses the profile."""
    did = "undid a change of" if undone else "changed"
    return Message(
        by=by,
        title=f"{did} the profile {one_line(profile.title)}, which this channel uses.",
        text=tuple(f"· {each}" for each in different),
        small=("Undo works for a day, unless the profile changes again.",),
        buttons=(Button(action="undo", label="Undo", value=token),),
    )


def taken_back(
    profile: Profile, different: Sequence[str], is_told: bool, undone: bool = True
) -> Message:
    """To the person who took back the last change, or went further back."""
    title = one_line(profile.title)
    done = f"Undone: {title} is as it was before" if undone else f"Changed back: {title}"
    return Message(
        title=f"{done}.",
        text=(*(f"· {each}" for each in different), *announced(is_told)),
    )


def announced(is_told: bool) -> tuple[str, ...]:
    """That those who use the profile were told, where there are any."""
    return ("Announced in every channel that uses it.",) if is_told else ()


def unchanged(profile: Profile) -> Message:
    return Message(title=f"Nothing changed: {one_line(profile.title)} stays as it is.")


def undo_expired() -> str:
    return (
        "That change can no longer be undone here: Undo works for a day. Older versions: "
        "/digest history PROFILE."
    )


def changed_again(name: str) -> str:
    return f"The profile has changed again since then. To see how: /digest history {name}."


def changed_while_open(different: Sequence[str]) -> tuple[str, ...]:
    """To the second of two people who edited a profile at once: what the first one changed."""
    return (
        "Not saved yet: someone else changed this profile while your form was open.",
        *(f"· {each}" for each in different),
        "Below is their change with yours; where both changed the same, yours stands. Save keeps "
        "it.",
    )


def gone(name: str) -> str:
    return f"There is no longer a profile called {one_line(name)[:40]}."


def origin_words(origin: Origin) -> str:
    """Where a line of a draft came from, in a few words. A paper that is not on arXiv goes by its
    title, which its topic says already."""
    id = next((each.id for each in ids.find(origin.paper) if each.id == origin.paper), "")
    return {
        OriginKind.TEXT: "from your text",
        OriginKind.PAPER: f"from {id}" if id else "from your papers",
        OriginKind.NEAR: f"from {origin.paper or 'papers'}, near to yours",
        OriginKind.PHRASES: "said in these papers more than in others",
        OriginKind.LISTED: "where these papers are listed",
        OriginKind.PROFILE: "from the words that your text shares with a profile that ships",
        OriginKind.AUTHOR: "whom you named",
        OriginKind.MODEL: "by the model",
    }[origin.kind]
