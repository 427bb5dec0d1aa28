"""What answers need of each workspace: its people, its views, the files that are put into forms."""

from __future__ import annotations

from functools import partial

from bot.commands.permissions import Person
from bot.runtime.given_files import FileReader
from bot.slack.people import People
from bot.slack.views import Views
from bot.slack.workspaces import Workspaces
from bot.views.making import files


class Places:
    """By workspace (an id), as soon as it is asked for."""

    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces
        self._people: dict[str, People] = {}

    def people(self, team: str) -> People:
        return self._people.setdefault(team, People(partial(self._workspaces.web, team)))

    async def find_person(self, team: str, id: str) -> Person | None:
        """As Answers.find_person."""
        return await self.people(team).find(team, id)

    async def find_reader(self, team: str, id: str) -> Person | None:
        """As Answers.find_reader."""
        return await self.people(team).find_reader(team, id)

    def forget(self, team: str) -> None:
        """Forget what was heard of a workspace's people: from now on the bot is another there."""
        self._people.pop(team, None)

    def views(self, team: str) -> Views:
        return Views(partial(self._workspaces.web, team))

    async def files(self, team: str) -> FileReader:
        """What reads files there. Raises Gone and Unavailable."""
        web = await self._workspaces.web(team)
        return FileReader(
            "Slack",
            web.base_url,
            "slack.com",
            "files.slack.com",
            files.no_scope(),
            {"Authorization": f"Bearer {web.token}"},
            web.proxy,
        )
