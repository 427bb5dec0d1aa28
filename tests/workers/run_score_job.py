"""Run SCORE with a model that a test scripts."""

from __future__ import annotations

from datetime import datetime

from bot.domain.digest import Digest
from bot.domain.judge import Judge
from bot.domain.papers import Profile
from bot.domain.request import DigestRequest, digest_name
from bot.store.store import Store
from tests.factories import NOW, digest_request
from tests.workers.scripted_model import ScriptedModel
from workers.embedding.embeddings import Embeddings
from workers.score_job import score

MODEL_JUDGE = Judge(model="scripted")


def put_profile_request(
    store: Store, mine: Profile, judge: Judge = MODEL_JUDGE, since: datetime = NOW
) -> DigestRequest:
    fingerprint = store.profiles.put(mine)
    return digest_request().model_copy(
        update={"profile": fingerprint, "judge": judge, "since": since}
    )


def run_score_job(
    store: Store,
    by: DigestRequest,
    model: ScriptedModel | None,
    now: datetime = NOW,
    embeddings: Embeddings | None = None,
) -> Digest:
    nobody = lambda done, total: None  # noqa: E731
    score(by, store, model, 4, lambda: now, nobody, embeddings=embeddings)
    found = store.lists.result(by.wanted)
    assert found is not None
    digest = store.days.get(digest_name(by, found))
    assert digest is not None
    return digest
