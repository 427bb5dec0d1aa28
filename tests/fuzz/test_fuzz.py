"""Ten thousand inputs from outside, the same each time, and all that once broke a promise."""

from __future__ import annotations

import zlib
from itertools import islice
from random import Random

import pytest

from tests.complexity import steps
from tests.fuzz import corpus
from tests.fuzz.mutate import mutations
from tests.fuzz.targets import TARGETS

_COUNTED = 60  # of so many inputs, the steps of one are counted: that takes ten times as long


@pytest.mark.parametrize("name", TARGETS)
def test_every_promise_holds(name: str) -> None:
    target, kept = TARGETS[name], corpus.inputs(corpus.KEPT / name)
    assert kept
    made = mutations(kept, Random(zlib.crc32(name.encode())), target.words, target.longest)
    for number, data in enumerate([*kept, *islice(made, target.inputs)]):
        try:
            target.check(data)
            if not number % _COUNTED:  # the second time: what is made once and kept is no part
                taken = steps(lambda data=data: target.check(data))
                assert taken <= target.most_steps(data)
        except Exception:
            path = corpus.write(corpus.FOUND / "failures" / name, data)
            print(f"to repeat it: python -m tests.fuzz --repeat {path}")
            raise


@pytest.mark.parametrize("path", sorted(corpus.REGRESSIONS.glob("*/*")), ids=lambda p: p.name)
def test_what_once_broke_a_promise_holds(path: corpus.Path) -> None:
    TARGETS[path.parent.name].check(path.read_bytes())


def test_the_suite_tries_ten_thousand_inputs() -> None:
    assert sum(target.inputs for target in TARGETS.values()) >= 10_000
    kept = [list((corpus.KEPT / name).iterdir()) for name in TARGETS]
    assert max(map(len, kept)) <= 30
