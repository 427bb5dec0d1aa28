"""arXiv, a model, Slack, Discord and Zotero on loopback, all at once: python -m tests.servers"""

from tests.servers import by_hand
from tests.servers.arxiv import arxiv
from tests.servers.discord import discord
from tests.servers.model import model
from tests.servers.slack import slack
from tests.servers.zotero import zotero

if __name__ == "__main__":
    by_hand.run(
        {"arxiv": arxiv, "model": model, "slack": slack, "discord": discord, "zotero": zotero}
    )
