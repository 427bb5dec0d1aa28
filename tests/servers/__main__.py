"""arXiv, a model, Slack and Discord on loopback, all at once: python -m tests.servers"""

from tests.servers import by_hand
from tests.servers.arxiv import arxiv
from tests.servers.discord import discord
from tests.servers.model import model
from tests.servers.slack import slack

if __name__ == "__main__":
    by_hand.run({"arxiv": arxiv, "model": model, "slack": slack, "discord": discord})
