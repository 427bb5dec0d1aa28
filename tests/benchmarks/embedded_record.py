"""The meaning of recorded papers, embedded once: the vectors are kept between two runs."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bot.domain.papers import Paper, Profile
from bot.store.connection import connect
from bot.store.papers import Vectors
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import Meaning
from workers.runtime.server import embedded

KEPT = Path(tempfile.gettempdir()) / "paperboy-benchmarks"


def meaning_of_record(profile: Profile, papers: Sequence[Paper]) -> Meaning:
    """The meaning of all papers to a profile's readers; a minute for two thousand, once."""

    def beat(done: int, total: int) -> None:
        print(f"\rembedded {done} of {total}", end="" if done < total else "\n", file=sys.stderr)

    with embedded(KEPT) as url:
        redis = connect(url)
        embeddings = Embeddings(Vectors(redis), threads=os.cpu_count() or 1)
        found = embeddings.of(profile, papers, beat, patience=1e9)
        redis.close()
    assert found, "the model could not be read"
    return found
