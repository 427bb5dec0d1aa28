"""Lists of what people keep: whatever a title says, a chat takes the list and nobody is called."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.readers.best import Best, Discussed, most_kept, most_liked
from bot.domain.readers.traces import Trace, TraceKind
from bot.domain.readers.zotero import ZoteroAccess
from bot.domain.tasks.zotero import ZoteroResult
from bot.views.keeping import best, me, saved, zotero
from tests.factories import HOSTILE_DECISION, NOW, lesson, paper_ids, saved_paper
from tests.fuzz.promises import assert_shown

TITLES = st.one_of(
    st.text(min_size=1, max_size=3_000),
    st.just(HOSTILE_DECISION.announced.paper.title * 20),
    st.sampled_from(["<!channel>", "@everyone", "<@U1>", "[x](http://y)", "\u202e", "𝔘" * 3_000]),
)


@given(title=TITLES)
@settings(max_examples=25)
def test_a_title_is_text_in_every_list(title: str) -> None:
    rows = [
        saved_paper(id, title=title, by=f"U{n}", shared=("slack:T1:C1",))
        for id in paper_ids(saved.PAGE + 1)
        for n in range(8)
    ]
    votes = [lesson(id, title=title) for id in paper_ids(9)]
    talk = [Discussed(paper=id, title=title, replies=9, people=9) for id in paper_ids(9)]
    days = [Discussed(title=title, url="https://example.org", replies=9, people=9)] * 9
    found = Best(most_liked(votes), most_kept(rows), most_liked(votes), talk, days)
    left = [Trace(kind=kind, text=title, paper=id) for kind in TraceKind for id in paper_ids(9)]
    there = ZoteroResult(name=title, library="users/1", sent=2, refused=("2503.15294",))
    access = ZoteroAccess(sealed="-", library="users/1", name=title, at=NOW)
    assert_shown(
        zotero.connected(there, 3),
        zotero.sent_text(there),
        zotero.nothing_to_send(access, 1),
        saved.saved_text(rows[0], can_share=True),
        saved.unsaved_text(rows[0]),
        saved.my_papers(rows, 1, "slack:T1:C1", "UTC", NOW + timedelta(days=300)),
        saved.shared_papers(rows, 1, "U1"),
        best.best_text(found, 7, is_weekly=True, unread=3),
        best.best_of_week(found),
        me.left_text(left, [me.changed_profiles(["matters"])]),
        me.confirm_forget_me(left),
    )
