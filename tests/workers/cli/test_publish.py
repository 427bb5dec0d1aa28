"""What `paperboy publish` puts into a folder, and what it refuses to touch or to show."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.digest import Outcome
from bot.domain.judge import Examples, Judge, VotedExample
from bot.domain.papers import Profile
from bot.domain.request import Address
from bot.errors import Refused
from bot.settings import Settings
from bot.store.store import Store
from tests.factories import DAY, NOW, decision, digest, list_result, profile, save_own_profile
from workers.cli import publish

WORKSPACE = Address(platform="slack", workspace="T1", channel="C1")


def decide(
    store: Store, of: Profile, days_ago: int = 0, relevance: int = 8, **more: object
) -> None:
    day = DAY - timedelta(days=days_ago)
    listed = list_result(NOW).model_copy(update={"date": day, "batch": str(day)})
    picked = decision(f"2503.1{relevance:04}", Outcome.PICKED, relevance)
    store.papers.put(picked.paper)
    at = NOW + timedelta(minutes=relevance)
    found = digest(picked, profile=of, listed=listed, judged_at=at, **more)
    store.days.put_decided(f"{of.name}-{day}-{relevance}", found)


@pytest.fixture
def config(redis_url: str) -> Settings:
    return Settings(REDIS_URL=redis_url)


def paths(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_what_every_workspace_can_name_is_published_and_no_workspaces_own(
    store: Store, config: Settings, tmp_path: Path
) -> None:
    own = profile(name="secret", title="Secret")
    store.profiles.put_shared(profile())
    save_own_profile(store, WORKSPACE, own)
    decide(store, profile())
    decide(store, profile(), days_ago=1)
    decide(store, own)
    assert publish.run(config, tmp_path / "site", []) == (1, 2, 8)
    assert paths(tmp_path / "site") == [
        "index.html",
        "matters/2025-03-19.html",
        "matters/2025-03-20.html",
        "matters/atom.xml",
        "matters/digests.json",
        "matters/feed.json",
        "matters/index.html",
        "style.css",
    ]
    assert publish.run(config, tmp_path / "site", []).written == 0  # nothing has changed
    named = publish.run(config, tmp_path / "own", ["slack:T1/secret"])
    assert (named.profiles, named.digests) == (1, 1)
    assert "slack-T1-secret/2025-03-20.html" in paths(tmp_path / "own")
    with pytest.raises(Refused, match='No profile is called "secret"'):
        publish.run(config, tmp_path / "other", ["secret"])
    with pytest.raises(Refused, match="There are no profiles yet"):
        publish.run(config, tmp_path / "other", ["slack:T2/secret"])


def test_a_day_that_votes_had_a_part_in_is_published_with_its_workspaces_profile_alone(
    store: Store, config: Settings, tmp_path: Path
) -> None:
    save_own_profile(store, WORKSPACE, profile())
    store.profiles.put_shared(profile())
    one = VotedExample(paper="2503.15294", title="A title", relevance=3, is_liked=True)
    examples = Examples(workspace="slack:T1", papers=(one,))
    decide(store, profile(), judge=Judge(model="gpt-6-luna", examples=examples))
    assert publish.run(config, tmp_path / "own", ["slack:T1/matters"]).digests == 1
    with pytest.raises(Refused):
        publish.run(config, tmp_path / "site", ["matters"])


def test_a_day_is_as_it_was_decided_last_and_an_old_one_stays(
    store: Store, config: Settings, tmp_path: Path
) -> None:
    store.profiles.put_shared(profile())
    decide(store, profile(), days_ago=1)
    publish.run(config, tmp_path, ["matters"])
    store.redis.flushall()
    store.profiles.put_shared(profile())
    decide(store, profile(), relevance=9)
    decide(store, profile(), relevance=7)
    done = publish.run(config, tmp_path, ["matters"], "https://papers.example.org")
    assert (done.profiles, done.digests) == (1, 2)
    assert "Relevance 9" in (tmp_path / "matters/2025-03-20.html").read_text(encoding="utf-8")
    assert "2025-03-19.html" in (tmp_path / "matters/index.html").read_text(encoding="utf-8")
    feed = (tmp_path / "matters/atom.xml").read_text(encoding="utf-8")
    assert 'href="https://papers.example.org/matters/2025-03-20.html"' in feed


def test_where_nothing_is_decided_that_is_said_and_nothing_written(
    store: Store, config: Settings, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="There is no digest to publish yet, of foundations"):
        publish.run(config, tmp_path / "site", ["foundations"])
    assert not (tmp_path / "site").exists()


def test_other_peoples_files_are_not_touched(
    store: Store, config: Settings, tmp_path: Path
) -> None:
    store.profiles.put_shared(profile())
    decide(store, profile())
    (tmp_path / "index.html").write_text("My own page.", encoding="utf-8")
    with pytest.raises(Refused, match="files that Paperboy didn't write"):
        publish.run(config, tmp_path, [])
    with pytest.raises(Refused, match="files that Paperboy didn't write"):
        publish.run(config, tmp_path / "index.html", [])
    assert paths(tmp_path) == ["index.html"]
    publish.run(config, tmp_path / "site", [])
    (tmp_path / "site/matters/digests.json").write_text("[", encoding="utf-8")
    with pytest.raises(Refused, match="can't be read; delete it"):
        publish.run(config, tmp_path / "site", [])
    with pytest.raises(Refused, match="is no web address"):
        publish.run(config, tmp_path / "site", [], "papers.example.org")
