"""One target's campaign, in a process of its own: `python -m tests.fuzz.campaign NAME` looks, and
`campaign` starts it and reads what it says.

With atheris (libFuzzer) it looks for inputs that reach lines of ours not reached before; where
there is no atheris it tries mutations of the corpus. A failure ends nothing: its input is written
down, once for each place where it was raised, and the campaign goes on.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import logging
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

# An input that takes the processor longer is noted: a regular expression or a sort that blows up
# takes few steps of Python. No test says so, because a busy machine is slow as well.
_SLOW_SECONDS = 1.0
_HANGS_SECONDS, _MEGABYTES = 60, 4096
_COUNTED = 200  # of so many inputs, the steps of one are counted
_OWN = 0.6  # of the mutations with coverage; the others are libFuzzer's own
_FAILURE, _DONE = "FAILURE", "Done {} runs in {} second(s)"


@dataclass(frozen=True)
class Campaign:
    """What came of it: `edges` and `new` are 0 without coverage; `failures` by file."""

    name: str
    inputs: int
    seconds: float
    edges: int
    new: int
    failures: dict[Path, str]
    log: str


def campaign(name: str, seconds: int, most: int, seed: int) -> Campaign:
    """Fuzz a target for so many seconds (0: no end), or with so many inputs (0: as many as fit)."""
    from tests.fuzz import corpus
    from tests.fuzz.world import SERVER
    from workers.runtime.server import embedded

    folder, own = corpus.FOUND / "failures" / name, corpus.FOUND / "corpus" / name
    for each in (folder, own):
        each.mkdir(parents=True, exist_ok=True)
    here, given = set(folder.iterdir()), len(list(own.iterdir()))
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="fuzz") as temporary,
        embedded(Path(temporary)) as url,  # not in the process: libFuzzer ends without cleaning up
    ):
        said, status = _run(name, seconds, most, seed, {SERVER: url, "TMPDIR": temporary})
    took = time.monotonic() - began
    lines = [line.split("\t") for line in said.splitlines() if line.startswith(_FAILURE)]
    failures = {Path(path): what for _, path, what in lines}
    for path in set(folder.iterdir()) - here - failures.keys():  # libFuzzer's own
        failures[path] = f"it hangs, or takes too much memory ({path.name.partition('-')[0]})"
    done = re.findall(r"Done (\d+) runs", said)
    edges = re.findall(r"\bcov: (\d+)", said)
    if not done and not failures:
        failures[folder] = f"the campaign ended with status {status}: {said[-500:]}"
    executed = done or re.findall(r"stat::number_of_executed_units: +(\d+)", said) or ["0"]
    new = len(list(own.iterdir())) - given
    return Campaign(
        name, int(executed[-1]), took, int(edges[-1]) if edges else 0, new, failures, said
    )


def _run(name: str, seconds: int, most: int, seed: int, given: dict[str, str]) -> tuple[str, int]:
    """What the process says, and its status."""
    words = [name, f"--seconds={seconds}", f"--inputs={most}", f"--seed={seed}"]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.campaign", *words],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=os.environ | {"PYTHONHASHSEED": "0"} | given,
    )
    return ran.stdout + ran.stderr, ran.returncode


class Looking:
    """Checks inputs, and notes the first failure of each kind."""

    def __init__(self, target: Target) -> None:
        self.target, self.inputs = target, 0
        self._kinds = set[str]()

    def check(self, data: bytes) -> None:
        """Raises nothing."""
        from tests.complexity import steps

        self.inputs += 1
        began = time.process_time()
        try:
            self.target.check(data)
        except Exception as error:  # noqa: BLE001  # whatever gets out is what is looked for
            at = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{Path(at.filename).name}:{at.lineno} {type(error).__name__}"
            self._note(kind, f"{kind}: {str(error) or at.line}", data)
            return
        if (took := time.process_time() - began) > _SLOW_SECONDS:
            self._note("slow", f"{took:.1f} s of processor for {len(data)} bytes", data)
        if not self.inputs % _COUNTED:
            taken = steps(lambda: self.target.check(data))
            if taken > self.target.most_steps(data):
                self._note("steps", f"{taken} steps for {len(data)} bytes", data)

    def _note(self, kind: str, what: str, data: bytes) -> None:
        from tests.fuzz import corpus

        if kind not in self._kinds:
            self._kinds.add(kind)
            path = corpus.write(corpus.FOUND / "failures" / self.target.name, data)
            print(_FAILURE, path, " ".join(what.split())[:300], sep="\t", flush=True)


def _without_coverage(name: str, seconds: int, most: int, seed: int) -> None:
    from tests.fuzz import corpus
    from tests.fuzz.mutate import mutations
    from tests.fuzz.targets import TARGETS

    looking, began = Looking(TARGETS[name]), time.monotonic()
    kept = corpus.inputs(corpus.KEPT / name)
    made = mutations(kept, Random(seed), looking.target.words, looking.target.longest)
    for data in made:
        if (most and looking.inputs >= most) or (seconds and time.monotonic() - began > seconds):
            break
        looking.check(data)
    print(_DONE.format(looking.inputs, round(time.monotonic() - began)))


def _with_coverage(atheris: Any, name: str, seconds: int, most: int, seed: int) -> None:
    """Ends the process. Only our code is instrumented: libraries would take most of the time, and
    their lines are not what is promised."""
    with atheris.instrument_imports(include=["bot", "workers"], enable_loader_override=False):
        from tests.fuzz.targets import TARGETS
    from tests.fuzz import corpus
    from tests.fuzz.mutate import mutate

    target = TARGETS[name]
    looking = Looking(target)
    seeds = [*corpus.inputs(corpus.KEPT / name), *corpus.inputs(corpus.FOUND / "corpus" / name)]

    def mutated(data: bytes, longest: int, number: int) -> bytes:
        rng = Random(number)
        if rng.random() < _OWN:
            return mutate(bytes(data), rng, target.words, seeds, longest)
        return bytes(atheris.Mutate(data, longest))

    folders = [corpus.FOUND / "corpus" / name, corpus.KEPT / name, corpus.REGRESSIONS / name]
    arguments = [
        *("fuzz", *(str(folder) for folder in folders if folder.is_dir())),
        *(f"-max_total_time={seconds}", f"-runs={most or -1}", f"-seed={seed or 1}"),
        *(f"-max_len={target.longest}", f"-dict={target.words_file}", "-print_final_stats=1"),
        *(
            f"-timeout={_HANGS_SECONDS}",
            f"-rss_limit_mb={_MEGABYTES}",
            "-reload=0",
            f"-report_slow_units={_HANGS_SECONDS}",
        ),
        f"-artifact_prefix={corpus.FOUND / 'failures' / name}/",
    ]
    atheris.Setup(arguments, looking.check, custom_mutator=mutated)
    atheris.Fuzz()


def main(words: Sequence[str] | None = None) -> None:
    """Look, in this process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    for option in ("--seconds", "--inputs", "--seed"):
        parser.add_argument(option, type=int, default=0)
    given = parser.parse_args(words)
    # What is set aside and refused would be logged a hundred times a second.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    limits = (given.name, given.seconds, given.inputs, given.seed)
    if importlib.util.find_spec("atheris"):
        _with_coverage(importlib.import_module("atheris"), *limits)
    else:
        _without_coverage(*limits)


if __name__ == "__main__":
    main()
