"""Does what one person waits for: tries a profile, drafts one, looks for papers, or asks Zotero."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Final

from bot.arxiv.homonyms import Namesake, namesakes
from bot.domain.tasks.task import Drafting, NamesakeChoice, Task, TaskResult
from bot.domain.tasks.trial import Trial
from bot.errors import PaperboyError, Refused
from bot.profiles.form import LONGEST
from bot.store.store import Store
from bot.views.making import drafts as views
from bot.views.making import previews
from workers import search_job, trial_job
from workers.arxiv.client import ArxivClient
from workers.drafting.drafter import draft_from
from workers.drafting.gather import gather
from workers.drafting.paid_model import DRAFTS
from workers.embedding.embeddings import Embeddings
from workers.judging.batches import ModelClient
from workers.judging.metering import SCORE_TOKENS
from workers.zotero import errands
from workers.zotero.errands import Zotero

# Whoever has so many times the papers of the next person of that name is meant; otherwise so many
# people are offered.
_CLEARLY: Final = 4
_CHOICES: Final = 4
# Characters that may have been stripped off a text that filled its field.
_BLANKS: Final = 20

# Makes a model whose answers have so many tokens for each paper.
ModelMaker = Callable[[int], ModelClient]
# By the workspace that pays, and the name that it is listed under: a maker, where there is a model.
PaidModels = Callable[[str, str], AbstractContextManager[ModelMaker | None]]


def run(
    key: str,
    store: Store,
    arxiv: ArxivClient,
    embeddings: Embeddings | None,
    clock: Callable[[], datetime],
    models: PaidModels,
    looks_again: bool = False,
    calls_at_once: int = 1,
    zotero: Zotero | None = None,
) -> None:
    """Store the result of a task, unless it is there or nobody waits for it any more. A draft, and
    a trial that buys scores, ask the model of their workspace, if there is one."""
    task = store.tasks.get(key)
    if task is None or store.tasks.result(key):
        return

    def progress(done: int, total: int) -> None:
        store.put_progress(f"task-{key}", done, total)

    try:
        if task.trial:
            with _buying(task, task.trial, models) as model:
                sources = trial_job.Sources(arxiv, model, calls_at_once)
                given = task.trial, store, embeddings, clock(), progress, looks_again
                result = TaskResult(trial=trial_job.run(*given, sources=sources))
        elif task.zotero and zotero:
            result = TaskResult(zotero=errands.run(task, store, zotero, clock, progress))
        else:
            result = _done(task, store, arxiv, embeddings, progress, models)
    except PaperboyError as error:
        result = TaskResult(refused=str(error))
    store.tasks.put_result(key, result)


@contextmanager
def _buying(task: Task, trial: Trial, models: PaidModels) -> Iterator[ModelClient | None]:
    """The model that a trial asks; None for one that buys nothing. Raises Refused where no model is
    set up any more."""
    if not trial.buys:
        yield None
        return
    with models(task.workspace, trial.profile.name) as made:
        if made is None:
            raise Refused(previews.no_model_to_ask())
        yield made(SCORE_TOKENS)


def _done(
    task: Task,
    store: Store,
    arxiv: ArxivClient,
    embeddings: Embeddings | None,
    progress: trial_job.Progress,
    models: PaidModels,
) -> TaskResult:
    if task.search:
        return TaskResult(search=search_job.run(task.search, store, embeddings, progress))
    if task.drafting:
        with models(task.workspace, DRAFTS) as model:
            return drafted(task.drafting, arxiv, embeddings, model)
    raise AssertionError("a task is a trial, a search, a draft or an errand")


def drafted(
    drafting: Drafting,
    arxiv: ArxivClient,
    embeddings: Embeddings | None,
    model: ModelMaker | None,
) -> TaskResult:
    """A draft; or, where several people have the author's name, and none is chosen or has most of
    the papers, who they are. What only looks like a name is a text like any other. Raises Refused
    and Unavailable."""
    text, people = drafting.text, tuple[Namesake, ...]()
    if drafting.author:
        people = _of_name(drafting, arxiv)
        text = text if text != drafting.author or not people else ""
    if drafting.chosen:
        people = tuple(p for p in people if drafting.chosen in {each.id for each in p.papers})
    elif _is_unsure(people):
        return TaskResult(namesakes=tuple(map(_choice, people[:_CHOICES])))
    papers, follow = (people[0].papers, (drafting.author,)) if people else ((), ())
    if not (text or drafting.library or people):
        raise Refused(views.no_papers_by(drafting.author))
    sources = gather(arxiv, text, drafting.library, papers=papers)
    notes = (*sources.notes, *([views.field_full()] if _may_be_cut(drafting) else []))
    follow = (*follow, *sources.follow)
    sources = sources.model_copy(update={"follow": follow, "notes": notes})
    return TaskResult(draft=draft_from(sources, embeddings, model=model))


def _may_be_cut(drafting: Drafting) -> bool:
    """Whether a pasted library fills the field, which takes no more of it."""
    pasted = bool(drafting.library) and not drafting.is_file
    return pasted and len(drafting.text + drafting.library) >= LONGEST - _BLANKS


def _of_name(drafting: Drafting, arxiv: ArxivClient) -> tuple[Namesake, ...]:
    """The people of the author's name. Of what only looks like one, an arXiv that is away says
    nothing."""
    try:
        written = arxiv.by_author(drafting.author)
    except PaperboyError:
        if drafting.text:
            return ()
        raise
    found = [each.paper for each in written if not each.withdrawn]
    return namesakes(drafting.author, found)


def _is_unsure(people: Sequence[Namesake]) -> bool:
    return len(people) > 1 and len(people[0].papers) < _CLEARLY * len(people[1].papers)


def _choice(person: Namesake) -> NamesakeChoice:
    return NamesakeChoice(
        id=person.papers[0].id,
        papers=len(person.papers),
        categories=person.categories[:2],
        co_authors=person.co_authors[:3],
    )
