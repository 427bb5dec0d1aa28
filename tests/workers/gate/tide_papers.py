"""Papers of random words, of which some are on tides."""

from __future__ import annotations

from random import Random

from bot.domain.papers import Paper
from tests.factories import paper

TIDES = ["tide", "moon", "harbour", "current", "estuary", "gauge", "salinity", "drift"]
OTHERS = ["bees", "opera", "chess", "glass", "bread", "rivers", "maps", "clocks", "wool", "salt"]
COMMON = ["study", "results", "data", "measure", "compare", "large", "small", "early", "late"]


def tide_papers(n: int, seed: int = 1, every: int = 6) -> tuple[list[Paper], list[bool]]:
    """Papers of random words, every so many on tides, and whether they are."""
    random = Random(seed)
    papers, picked = [], []
    for i in range(n):
        is_tidal = i % every == 0
        words = random.sample(TIDES if is_tidal else OTHERS, 4) + random.sample(OTHERS, 2)
        text = " ".join(random.sample(words + random.sample(COMMON, 6), 12))
        title = f"On {words[0].title()} and {random.choice(OTHERS)}"
        who = ("Ebba Flood",) if is_tidal and i % 4 == 0 else (f"Nobody {i % 40}",)
        papers.append(paper(f"25{seed:02}.{i:05}", title=title, abstract=text, authors=who))
        picked.append(is_tidal)
    return papers, picked
