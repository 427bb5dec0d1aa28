"""How well votes teach the local ranking what readers pick.

    python -m tests.benchmarks.bench_votes [RECORD.jsonl.gz PROFILE.toml [LEARNED TRIED]]

RECORD is as in bench_rank; the default is one beside the checkout, where there is one. Voters are
drawn: up are papers of the month LEARNED (2025-05) that were picked, down are others of that month
that a channel would have been shown, from the best SHOWN of each day by the ranking without votes.
Every day of the month TRIED (2025-06) is then ranked with these votes, learned beside BESIDE of its
papers, as many as a day has now; the record's days have a hundred. AUC is over all its papers,
mean and standard deviation of DRAWS draws. Every setting of workers/gate/vote_training.py and
vote_table.py was chosen with votes on 2025-03 and 2025-04, tried in the month after each.

1. The votes of five people; as many of one alone, and each of somebody else. By words, and by
   words and meaning.
2. One of five votes the opposite of what he means: on the same 20 + 20 papers as the others, on
   half of these, drawn for each, or on papers that nobody else votes on.
3. How far 50 votes of one person move papers, and five of five (standard deviations).
"""

from __future__ import annotations

import random
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from itertools import chain
from pathlib import Path
from statistics import fmean, pstdev

from bot.domain.papers import Paper, Profile
from tests.benchmarks.embedded_record import meaning_of_record
from tests.benchmarks.record import named_files, read_record
from workers.embedding.meaning import Meaning
from workers.gate import learned_ranking, local_ranking, vote_ranking, vote_table, vote_training
from workers.gate.ranking_quality import auc
from workers.gate.vote_ranking import PaperVote

DRAWS = 20
BESIDE = 450
SHOWN = 0.15
PEOPLE = 5
COUNTS = (5, 10, 20, 40)

Votes = Sequence[PaperVote]


class Trial:
    """A record's two months before one way of ranking."""

    def __init__(
        self,
        profile: Profile,
        learned: Mapping[date, Sequence[Paper]],
        tried: Mapping[date, Sequence[Paper]],
        picked: set[str],
        meaning: Meaning | None,
    ) -> None:
        self._meaning, self._picked = meaning, picked
        self._papers = list(chain(*tried.values()))
        self._beside = self._papers[:: max(len(self._papers) // BESIDE, 1)][:BESIDE]
        self._own = {
            id: score for day in tried.values() for id, score in _scores(profile, day, meaning)
        }
        self._ups = [p for day in learned.values() for p in day if p.id in picked]
        self._downs = list[Paper]()
        for day in learned.values():
            best = dict(_scores(profile, day, meaning)[: round(SHOWN * len(day))])
            self._downs += [p for p in day if p.id in best and p.id not in picked]

    def draws(self, each: int) -> Iterator[tuple[list[Paper], list[Paper], random.Random]]:
        """So many papers to be liked, and as many that are not; DRAWS times."""
        for seed in range(DRAWS):
            dice = random.Random(seed)
            yield dice.sample(self._ups, each), dice.sample(self._downs, each), dice

    def shifts(self, votes: Votes) -> dict[str, float]:
        """How far votes move each paper of the month tried."""
        learned = vote_training.train(votes, self._beside, self._meaning)
        assert learned is not None
        return learned.shifts(self._papers, self._meaning)

    def auc(self, votes: Votes) -> float:
        shifts = self.shifts(votes) if votes else dict.fromkeys(self._own, 0.0)
        return auc([(own + shifts[id], id in self._picked) for id, own in self._own.items()])


def main(record: Path, toml: Path, learned: str, tried: str) -> None:
    """Print the three parts."""
    profile = Profile.model_validate(tomllib.loads(toml.read_text(encoding="utf-8")))
    days, picked = read_record(record)
    learned_days, tried_days = (
        {d: papers for d, papers in days.items() if f"{d:%Y-%m}" == m} for m in (learned, tried)
    )
    cached = cache(learned_ranking.fields_of)
    for module in (vote_ranking, vote_table):  # a paper is read once
        vars(module)["fields_of"] = cached
    every = list(chain(*learned_days.values(), *tried_days.values()))
    meaning = meaning_of_record(profile, every)
    print(f"profile {profile.name}; votes on papers of {learned}, tried in {tried}")
    for name, how in (("words", None), ("words and meaning", meaning)):
        trial = Trial(profile, learned_days, tried_days, picked, how)
        none = trial.auc(())
        print(f"\n{name}: AUC without votes {none:.4f}")
        for who, each in [("of five", n) for n in COUNTS] + [(who, 20) for who in list(VOTERS)[1:]]:
            found = [
                trial.auc(_cast(*drawn[:2], VOTERS[who])) - none for drawn in trial.draws(each)
            ]
            print(f"   {each:>2} + {each:<2} votes, {who:<20} {_spread(found)}", flush=True)
        for what, share in (("the same papers", 1.0), ("half of them", 0.5), ("others", None)):
            right, wrong = list[float](), list[float]()
            for ups, downs, dice in trial.draws(20):
                votes = _cast(ups, downs, VOTERS["of five"])
                if share:
                    votes = list(_shared(ups, downs, share, dice))
                right.append(trial.auc(votes))
                wrong.append(trial.auc([_contrary(vote) for vote in votes]))
            costs = [a - b for a, b in zip(right, wrong, strict=True)]
            print(
                f"   one of five votes the opposite, on {what}: costs {_spread(costs)}", flush=True
            )
        many, few = list[float](), list[float]()
        for ups, downs, _ in trial.draws(25):
            many.append(pstdev(trial.shifts(_cast(ups, downs, VOTERS["of one"])).values()))
            some = _cast(ups[:3], downs[:2], VOTERS["each of another"])
            few.append(pstdev(trial.shifts(some).values()))
        print(f"   50 votes of one move papers by {fmean(many):.3f}, 5 of five by {fmean(few):.3f}")
        less = sum(a < b for a, b in zip(many, few, strict=True))
        print(f"   the 50 move them less in {less} of {DRAWS} draws")


VOTERS: Mapping[str, Callable[[int], str]] = {
    "of five": lambda n: f"person {n % PEOPLE}",
    "of one": lambda n: "person 0",
    "each of another": lambda n: f"person {n}",
}


def _cast(
    ups: Sequence[Paper], downs: Sequence[Paper], voter: Callable[[int], str]
) -> list[PaperVote]:
    """`voter` names who casts the first vote up, the second, ... and then the votes down."""
    return [
        *(PaperVote(paper, voter(n), True) for n, paper in enumerate(ups)),
        *(PaperVote(paper, voter(n + len(ups)), False) for n, paper in enumerate(downs)),
    ]


def _shared(
    ups: Sequence[Paper], downs: Sequence[Paper], share: float, dice: random.Random
) -> Iterator[PaperVote]:
    """Each of five votes on so much of the papers."""
    for n in range(PEOPLE):
        for papers, is_up in ((ups, True), (downs, False)):
            for paper in dice.sample(list(papers), round(share * len(papers))):
                yield PaperVote(paper, f"person {n}", is_up)


def _contrary(vote: PaperVote) -> PaperVote:
    return vote._replace(is_up=not vote.is_up) if vote.by == "person 0" else vote


def _scores(
    profile: Profile, day: Sequence[Paper], meaning: Meaning | None
) -> list[tuple[str, float]]:
    """A day, best first, in standard deviations."""
    rows = local_ranking.rank(profile, day, meaning)
    return [(row.id, local_ranking.standard_score(profile, row.score, meaning)) for row in rows]


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):+.4f} ± {pstdev(values):.4f}"


if __name__ == "__main__":
    if where := named_files(sys.argv[1:]):
        main(where[0], where[1], *(sys.argv[3:5] or ("2025-05", "2025-06")))
