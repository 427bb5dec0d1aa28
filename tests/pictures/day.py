"""A day of real papers with sentences as the prompt asks for them, and what each chat is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from bot.discord import render as discord
from bot.domain.digest import Decision, Digest, Outcome, Score
from bot.domain.message import Post
from bot.profiles import library
from bot.slack import render as slack
from bot.views import digest as digest_views
from tests.factories import digest
from workers.arxiv import sample

RENDER: Final = {"slack": slack.message, "discord": discord.message}
# Relevance, novelty, what the paper shows, and why it is picked; best first.
SCORED: Final = {
    "2503.15294": (
        10, 9,
        "Proves that list replicability of margin half-spaces grows with dimension, "
        "from d/2 + 1 to d.",
        "Emerging trends: private learners need not be replicable.",
    ),
    "2503.14881": (
        10, 9,
        "Proves that visual autoregressive transformers need KV-cache memory of order n²d.",
        "Model compression: a lower bound on KV-cache memory.",
    ),
    "2503.14615": (
        9, 8,
        "Shows that leftmost-hard attention is strictly weaker than rightmost, and equals soft "
        "attention.",
        "Model architecture: how tie-breaking limits attention.",
    ),
    "2503.15355": (
        9, 8,
        "Proves that nonlinear ICA with almost isometric mixing is identifiable up to small "
        "errors.",
        "Representation learning: identifiability under misspecification.",
    ),
    "2503.15113": (
        9, 8,
        "Finds that reasoning effort on Tents puzzles grows up to a critical complexity, then "
        "falls.",
        "Large language models: a limit of reasoning, untheorised.",
    ),
    "2503.15060": (
        9, 8,
        "Trains one model to represent and generate images, 60.8 % more efficiently on "
        "ImageNet-1k.",
        "Representation learning: the model generates its contrastive pairs.",
    ),
    "2503.14572": (
        9, 8,
        "Analyses weight imprinting by its three parts; several clustered proxies gain up to 4 %.",
        "Representation learning: imprinting explained by neural collapse.",
    ),
    "2503.15420": (
        8, 8,
        "Encodes any signal with local implicit functions under a hierarchical latent generator.",
        "Model architecture: hierarchical latents for implicit representations.",
    ),
    "2503.15482": (
        8, 8,
        "Turns neurons into qubits, tunable from the classical network, with lower error on MNIST.",
        "Model architecture: an invention, on small data only.",
    ),
    "2503.15166": (
        8, 8,
        "Forgets concepts in a hyperbolic contrastive model nearly perfectly and keeps most "
        "others.",
        "Representation learning: geometry decides what is unlearned.",
    ),
}  # fmt: skip
_BELOW: Final = Score(relevance=4, novelty=5, comment="Another field.")


def day(picked: int) -> Digest:
    """The sample's 114 papers on one day; so many of the ten best are posted."""

    def decisions() -> Iterator[Decision]:
        papers = {found.paper.id: found for found in sample.listing().papers}
        for n, (id, (relevance, novelty, shows, why)) in enumerate(SCORED.items()):
            score = Score(relevance=relevance, novelty=novelty, shows=shows, comment=why)
            outcome = Outcome.PICKED if n < picked else Outcome.OVER_LIMIT
            yield Decision(announced=papers.pop(id), outcome=outcome, score=score)
        for found in papers.values():
            yield Decision(announced=found, outcome=Outcome.BELOW_CUTOFF, score=_BELOW)

    return digest(*decisions(), profile=library.shipped()["foundations"])


def sent(chat: str, picked: int) -> list[dict[str, Any]]:
    """The messages of such a day's thread, the parent first, as the chat's API gets them."""
    posts: list[Post] = list(digest_views.thread_posts(day(picked), "day"))
    return [RENDER[chat](post) for post in posts]
