"""What texts mean, as vectors, and how near one meaning is to another; pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from operator import mul
from typing import NamedTuple

from bot.domain.papers import Example, Paper, Profile

STEPS = 256  # a number counts so many to a unit; the largest are about a third of one


class Meaning(NamedTuple):
    """Papers' vectors by id, each 384 signed bytes; and what their readers look for: the mean of
    the topics' vectors plus the mean of the keywords', in units, and the mean of their examples'
    vectors, empty where they have none."""

    papers: Mapping[str, bytes]
    interest: tuple[float, ...]
    examples: tuple[float, ...] = ()


def paper_text(paper: Paper | Example) -> str:
    """The text of a paper that is made a vector; as arXiv has it, so that no change of ours to how
    TeX is shown makes another."""
    return f"{paper.title}. {paper.abstract}"


def profile_texts(profile: Profile) -> tuple[list[str], list[str]]:
    """The texts of a profile's topics, and its keywords. What is unwanted has no part: recorded
    days were ranked no better with it."""
    topics = [f"{topic.name}. {topic.relevant}" for topic in profile.topics]
    return topics, list(profile.keywords.relevant)


def interest(topics: Sequence[bytes], keywords: Sequence[bytes]) -> tuple[float, ...]:
    """Meaning.interest of these vectors. A profile without keywords is its topics, twice."""
    topic_means = list(mean(topics))
    keyword_means = mean(keywords) if keywords else topic_means
    return tuple(map(math.fsum, zip(topic_means, keyword_means, strict=True)))


def mean(vectors: Sequence[bytes]) -> Iterator[float]:
    """The mean of vectors, in units; nothing for none."""
    for column in zip(*map(numbers, vectors), strict=True):
        yield sum(column) / STEPS / len(vectors)


def dot(vector: bytes, weights: Sequence[float]) -> float:
    """The sum of products in units: of two vectors of length 1 it is their cosine. Rounded once
    (fsum), so that it is the same on every machine."""
    return math.fsum(map(mul, numbers(vector), weights)) / STEPS


def numbers(vector: bytes) -> Sequence[int]:
    """A vector's numbers, STEPS to a unit."""
    return memoryview(vector).cast("b")


def texts_of(profile: Profile, papers: Sequence[Paper]) -> list[str]:
    """Every text that has to be a vector for a day, each once, the profile's first."""
    examples = map(paper_text, profile.examples)
    return list(dict.fromkeys(chain(*profile_texts(profile), examples, map(paper_text, papers))))


def meaning_of(
    profile: Profile, papers: Sequence[Paper], vectors: Mapping[str, bytes]
) -> Meaning | None:
    """The meaning of a day, from vectors by text; None where one is missing."""
    if not all(text in vectors for text in texts_of(profile, papers)):
        return None
    topics, keywords = profile_texts(profile)
    return Meaning(
        {paper.id: vectors[paper_text(paper)] for paper in papers},
        interest([vectors[text] for text in topics], [vectors[text] for text in keywords]),
        tuple(mean([vectors[paper_text(each)] for each in profile.examples])),
    )
