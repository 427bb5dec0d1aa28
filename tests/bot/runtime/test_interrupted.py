"""Who waited for the workers when the bot was stopped is told once, by the next one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain.tasks.search import Search
from bot.domain.tasks.task import Drafting, Task
from bot.store.store import Store
from tests.bot.slack.conversations import CHANNEL_ADDRESS, private_answer, serving
from tests.factories import profile
from tests.servers.fake_slack import run_fake_slack
from tests.servers.slack_rules import draw_slack
from tests.waiting import wait_until


def test_whose_search_was_cut_short_on_slack_hears_of_it_directly(
    store: Store, redis_url: str
) -> None:
    other = Task(drafting=Drafting(text="x"), workspace="slack:T1", by="U2", since=long_ago())
    store.tasks.put(other)
    store.profiles.put_shared(profile())
    with run_fake_slack() as fake_slack:
        with serving(redis_url, fake_slack):
            wait_until(lambda: fake_slack.sockets)
            private_answer(fake_slack, lambda: fake_slack.command("search spring tides"))
            wait_until(lambda: len(store.tasks.untold("slack")) == 2)
        for _ in range(2):
            with serving(redis_url, fake_slack):
                wait_until(lambda: store.tasks.untold("slack") == [other])
        (shown,) = fake_slack.visible_messages("D1")
        assert draw_slack(shown).startswith(
            'Paperboy was restarted while it looked for papers about "spring tides".'
        )
        assert "D2" not in fake_slack.channels


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=31)


def test_a_search_of_another_platform_is_not_told(store: Store) -> None:
    place = CHANNEL_ADDRESS
    search = Search(title="spring tides", places=(place,))
    task = Task(search=search, workspace=place.workspace_key, by="U1", since=long_ago())
    store.tasks.put(task)
    assert store.tasks.untold("discord") == []
    assert store.tasks.untold("slack") == [task]
    store.tasks.put_told(task.key)
    assert store.tasks.untold("slack") == []
