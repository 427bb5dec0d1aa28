"""Installing Paperboy in a Slack workspace: what its pages say, and what is wrong with a token."""

from __future__ import annotations

from typing import Final, NamedTuple


class Page(NamedTuple):
    """A page for a browser: a title, sentences, and where its button leads (empty: none)."""

    title: str
    text: tuple[str, ...]
    button: str = ""
    link: str = ""


_AGAIN: Final = "Begin again"

# By the reason that bolt, or Slack, has for it.
_FAILURES: Final = {
    "access_denied": "You did not allow it.",
    "invalid_browser": (
        "This was begun in another browser, or the page was loaded twice. What was installed "
        "before still is."
    ),
    "invalid_state": (
        "That took longer than ten minutes, or was done before. What was installed before still is."
    ),
    "missing_code": "Slack sent you back without a code.",
    "invalid_code": "Slack does not take this code: it was used before, or is too old.",
    "organization": (
        "Paperboy is installed in a workspace, not in a whole organization. Choose one workspace."
    ),
    "storage_error": "Paperboy's database does not answer.",
    "slack_away": "Slack does not answer.",
    "busy": "Too many are installing just now. Wait a minute.",
    "slack_busy": "Slack has too much to do. Wait a minute.",
    "bad_client": (
        "Slack does not know this app by its client ID and secret. Whoever runs Paperboy has to "
        "compare SLACK_CLIENT_ID and SLACK_CLIENT_SECRET with Basic Information."
    ),
    "bad_redirect": (
        "Slack does not know the address it sent you back to. Whoever runs Paperboy has to enter "
        "it under OAuth & Permissions, and the same as SLACK_REDIRECT_URI."
    ),
}


def install(link: str) -> Page:
    return Page(
        "Paperboy for Slack",
        (
            "Every morning Paperboy posts the arXiv papers that match what your group works on.",
            "It reads messages only where it is invited, and posts only there.",
        ),
        "Add to Slack",
        link,
    )


def installed(name: str, link: str) -> Page:
    where = f"in {name}" if name else "in your workspace"
    return Page(
        f"Paperboy is {where}",
        ("In a channel, type /invite @Paperboy. It says what it can do, and posts when asked to.",),
        "Open Slack",
        link,
    )


def failed(reason: str, link: str) -> Page:
    why = _FAILURES.get(reason, "Slack refuses this.")
    return Page("Nothing was installed just now", (why,), _AGAIN, link)


def not_installed() -> str:
    return "Paperboy is not installed in this workspace any more."


def token_refused() -> str:
    return "Slack does not take this workspace's token any more; install Paperboy there again."


def renewing() -> str:
    return "A workspace's token is just being renewed."


def store_away() -> str:
    return "The database, which has this workspace's token, does not answer."


def key_lost() -> str:
    return (
        "No key in PAPERBOY_SECRETS_KEY opens a workspace's token. Put the earlier key back, "
        "after a comma; nothing is lost."
    )
