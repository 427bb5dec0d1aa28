"""The tests, in the folders of what they test."""

from pathlib import Path

TESTS = Path(__file__).parent
