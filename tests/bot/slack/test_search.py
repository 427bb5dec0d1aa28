"""A search on Slack: what is found is shown to who asked, in the place of the first answer."""

from __future__ import annotations

import pytest

from bot.domain.request import digest_name
from bot.store.store import Store
from tests.bot.slack.conversations import CHANNEL_ADDRESS, private_answer, put_day, type_command
from tests.factories import NOW
from tests.servers.fake_slack import FakeSlack
from tests.servers.slack_rules import draw_slack
from tests.workers.run_task_job import do_task, do_waiting_tasks


@pytest.mark.usefixtures("running_bot")
def test_papers_are_found_posted_or_not_and_only_who_asks_sees_them(
    fake_slack: FakeSlack, store: Store
) -> None:
    request = put_day(store)
    listed = store.lists.result(request.wanted)
    assert listed is not None
    day = digest_name(request, listed)
    digest = store.days.get(day)
    assert digest is not None
    store.history.put_delivered(CHANNEL_ADDRESS, f"{CHANNEL_ADDRESS}:{day}", digest, NOW, "17.1")
    said = private_answer(fake_slack, lambda: fake_slack.command("search matter"))
    assert 'Looking for papers about "matter"' in said

    def is_found() -> bool:
        do_waiting_tasks(store)
        return "below the cut-off" in draw_slack(fake_slack.ephemeral[-1])

    fake_slack.wait_until(is_found)
    shown = draw_slack(fake_slack.ephemeral[-1])
    assert 'Papers about "matter"' in shown
    assert "2503.20000 · Thu 20 Mar 2025 · below the cut-off, relevance 3, novelty 7" in shown
    assert "posted, relevance 8, novelty 7" in shown
    assert fake_slack.visible_messages("C1") == []
    assert "Say what to look for" in type_command(fake_slack, "search")


@pytest.mark.usefixtures("running_bot")
def test_who_left_the_workspace_before_papers_were_found_sees_none(
    fake_slack: FakeSlack, store: Store
) -> None:
    put_day(store)
    private_answer(fake_slack, lambda: fake_slack.command("search matter"))
    fake_slack.user_overrides["U1"] = {"deleted": True}
    fake_slack.wait_until(lambda: store.tasks.untold("slack"))
    (task,) = store.tasks.untold("slack")
    do_task(task.key, store)
    fake_slack.wait_until(lambda: "Guests" in draw_slack(fake_slack.ephemeral[-1]))
