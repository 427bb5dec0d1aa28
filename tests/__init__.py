"""The tests, in the folders of what they test."""

from pathlib import Path

TESTS = Path(__file__).parent


def external_file(name: str) -> Path:
    """A document that is too large for the project (a schema, a year of papers), in any folder
    beside the checkout; where there is none, a path that does not exist, and its tests are
    skipped."""
    return next(TESTS.parents[1].glob(f"*/{name}"), TESTS / "missing" / name)
