"""A profile drafted from what somebody has: sentences about their work, papers they liked; pure.

Nothing is asked of a model: interests are the phrases of the text, and what papers say more than
other papers do. What comes out is a beginning, to be read and changed.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from bot.arxiv.sentences import telling_sentence
from bot.arxiv.stems import stems_by_clause
from bot.arxiv.text import one_line, quoted, readable, shortened
from bot.domain.categories import canonical
from bot.domain.draft import Draft, Origin, OriginKind, Sources, Written
from bot.domain.papers import Followed, Keywords, Paper, Profile, Topic
from bot.errors import Refused
from bot.profiles import description, form
from bot.profiles.description import is_plain
from bot.profiles.examples import example_of
from bot.profiles.form import LONGEST, NEW_MAXIMUM, limits, name_from
from bot.profiles.validate import validate_data

# Words of every abstract that no keyword begins or ends with.
_EMPTY: Final = frozenset(
    re.findall(
        r"\w+",
        """
        above across additional after all although among any available based before better
        between beyond both but can challenging compare compared comprehensive consider
        consistent could crucial current demonstrate despite different diverse during each
        effective effectively efficient either empirical enable enabling entire even every
        existing experiment experiments extensive few find finding findings first former
        four framework fundamental fully further gains general generally given high highly
        how however human important improve improved improvement including increase
        increased increasing instead integral introduce its itself key large largely latter
        less leverage leveraging like limited many may method might more moreover most much
        multiple must name namely new next nor notably novel often one only onto other
        others out over own particular particularly perform performance possible potential
        present previous prior problem problems propose proposed provide proven quality
        recent recently related remain require result results reveal reviving same several
        she should show significant significantly similar simple simply since single size so
        some specific specifically state still strong such superior task than them three
        through thus too toward towards two under understanding unlike until up upon via was
        well were what when where whereas whether while who whose why widely within without
        would yet you your
        """,
    )
)
_LETTERS: Final = re.compile(r"[^\W\d_]{2}")
# A text is a few sentences.
LONGEST_TEXT: Final = 4000
_TITLE, _TITLE_PHRASES = 60, 3
_KEYWORDS: Final = 12
# So many papers become topics, as many as anybody reads; all of them are examples.
_TOPICS_OF_PAPERS: Final = 12
_RUN: Final = 3  # words
_SEPARATORS: Final = 6  # characters around a topic in the form
_TOPICS: Final = limits(Profile, "topics")["maxItems"]
_NAME: Final = re.compile(limits(Profile, "name")["pattern"])
_WORD: Final = limits(Keywords, "relevant")["items"]["maxLength"]
_TOPIC_NAME, _RELEVANT = (limits(Topic, field)["maxLength"] for field in ("name", "relevant"))
_EXAMPLES: Final = limits(Profile, "examples")["maxItems"]
# A word in a title counts as three in an abstract; four of them have half of the full weight.
_TITLE_WEIGHT, _ENOUGH = 3, 4
_CATEGORIES: Final = 5

_LEAD: Final = re.compile(
    r"(?i)\A(?:we|i|(?:our|my|the) (?:\w+ )?(?:group|lab|team|research|work|interests?))\b"
    r"(?: (?:all|also|mainly|mostly|currently|are|am|is|include|on))*"
    r"(?: (?:work(?:s|ing)?|stud(?:y|ies|ying)|research(?:es|ing)?|focus(?:es|ed)?|look(?:s|ing)?|"
    r"develop(?:s|ing)?|do(?:es|ing)?|interested|investigat(?:e|es|ing)|want|care|like|follow)\b)?"
    r"(?: (?:on|in|at|about|for|into))?\s+"
)
_FILLER: Final = re.compile(
    r"(?i)\A(?:and|or|also|the|a|an|new|both|especially|particularly|in particular|including|"
    r"such as|like|e\.g\.|i\.e\.|of|in|on|for|with|how|more)\s+"
)
_OWNER: Final = re.compile(r"(?i)\A(?:their|its|our|my)\s+")
_BACK_REFERENCE: Final = re.compile(r"(?i)\b(?:them|they|their|it|its|these|those|this)\b")


def interests(text: str) -> tuple[str, ...]:
    """The phrases of a text about somebody's work that name an interest, each once, in their order.
    What stands before a colon only sums up what follows."""
    found = list[str]()
    for sentence in re.split(r"[.;!?\n]+(?:\s|\Z)", text):
        plain = _LEAD.sub("", one_line(re.sub(r'["“”<>{}\[\]]', " ", sentence)))
        head, colon, rest = plain.partition(":")
        for phrase in _phrases(rest if colon and rest.strip() else plain):
            refers = colon and _BACK_REFERENCE.search(phrase)
            found.append(f"{phrase} ({head.strip()})" if refers else _OWNER.sub("", phrase))
    return tuple(dict.fromkeys(shortened(phrase, _WORD) for phrase in found))


def _phrases(text: str) -> Iterator[str]:
    """Between commas and "and", without words that say nothing alone."""
    for part in re.split(r",|\band\b|\bor\b|\bas well as\b", text):
        phrase = part.strip(" .:()–-—")
        while (shorter := _FILLER.sub("", phrase)) != phrase:
            phrase = shorter
        words = [word for clause in stems_by_clause(phrase) for word in clause]
        if any(not is_plain(phrase[start:end].casefold()) for _, start, end in words):
            yield phrase


def keyphrases(papers: Sequence[Paper], others: Sequence[Paper]) -> tuple[str, ...]:
    """What papers say more than other papers do, the most telling first: words and phrases of up to
    three words, no word in two of them. A phrase stands twice at least, so that chance neighbours
    are none."""
    known = Counter(
        stem for paper in others for stem in _grams(f"{paper.title}. {paper.abstract}", 1)
    )
    worth, written = defaultdict[str, float](float), dict[str, str]()
    times = Counter[str]()
    for paper in papers:
        title, body = _grams(paper.title), _grams(paper.abstract)
        for stems in title | body:
            in_title, in_body = title.get(stems, []), body.get(stems, [])
            uses = _TITLE_WEIGHT * len(in_title) + len(in_body)
            rare = sum(math.log((len(others) + 1) / (known[s] + 1)) for s in stems.split())
            worth[stems] += uses / (uses + _ENOUGH) * rare
            times[stems] += len(in_title) + len(in_body)
            written.setdefault(stems, (in_title or in_body)[0])
    chosen, used = list[str](), set[str]()
    for stems in sorted(worth, key=lambda each: (-worth[each], each)):
        words = stems.split()
        telling = len(words) == 1 or times[stems] > 1
        if telling and worth[stems] > 0 and used.isdisjoint(words) and len(written[stems]) <= _WORD:
            chosen.append(written[stems])
            used.update(words)
    return tuple(chosen[:_KEYWORDS])


def _grams(tex: str, most: int = _RUN) -> dict[str, list[str]]:
    """Runs of up to so many words by their stems, as they are written; none spans a clause."""
    text, found = readable(tex), defaultdict[str, list[str]](list)
    for words in stems_by_clause(text):
        for size in range(1, most + 1):
            for run in (words[at : at + size] for at in range(len(words) - size + 1)):
                as_written = text[run[0][1] : run[-1][2]]
                said = as_written.casefold().split()
                # Else a stop word stands between them, or an end of them says nothing.
                if len(said) <= size and _tells(said[0]) and _tells(said[-1]):
                    found[" ".join(stem for stem, _, _ in run)].append(as_written)
    return dict(found)


def _tells(word: str) -> bool:
    """Whether a keyword may begin or end with a word (in small letters)."""
    return not (is_plain(word) or word in _EMPTY) and bool(_LETTERS.search(word))


def require_enough(sources: Sources, name: str) -> None:
    """Raises Refused where there is nothing to draft from, or the name is none."""
    if name and not _NAME.fullmatch(name):
        raise Refused(
            f"A profile's name has small letters, digits and hyphens, not {quoted(name)}."
        )
    if not interests(sources.text) and not _titled(sources):
        raise Refused("There is nothing to draft a profile from: give a text, or papers.")


def _titled(sources: Sources) -> tuple[Paper, ...]:
    """The papers whose title has anything in it."""
    return tuple(paper for paper in sources.liked if readable(paper.title))


def draft(
    sources: Sources,
    others: Sequence[Paper],
    near: Mapping[str, Sequence[Paper]],
    known: Mapping[str, Profile],
    name: str = "",
    written: Written | None = None,
) -> Draft:
    """A profile from `sources`, told apart from `others`. `near` has papers near to a phrase of the
    text (see `interests`), or to a paper (by its id); `known` profiles say which categories a text
    is about. What a model has `written` of them stands in place of what is made of words here,
    where it is a profile. Raises Refused where there is nothing to draft from, or no category is
    clear."""
    require_enough(sources, name)
    phrases, papers = interests(sources.text)[:_TOPICS], _titled(sources)
    words = keyphrases(papers, others) if papers else ()
    like = {paper.id: paper for paper in papers}
    like |= {each.id: each for paper in papers for each in near.get(paper.id, ())}
    of_papers = list(like.values())[:_TOPICS_OF_PAPERS]
    room = LONGEST // min(len(phrases) + len(of_papers), _TOPICS) - _SEPARATORS
    theirs = {_of_paper(paper, room): one_line(paper.id) for paper in of_papers}
    topics = tuple(dict.fromkeys((*_of_phrases(phrases, near, room), *theirs)))[:_TOPICS]
    title = _heading((*phrases, *words) or [readable(paper.title) for paper in papers])
    categories, listed = _listed(sources, phrases, near, known, written)
    profile = Profile(
        name=name or name_from(title),
        title=title,
        categories=categories,
        maximum=NEW_MAXIMUM,
        topics=topics,
        keywords=Keywords(relevant=tuple(dict.fromkeys((*phrases, *words)))),
        authors=Followed(follow=sources.follow),
        examples=tuple(map(example_of, papers[:_EXAMPLES])),
    )
    better = _rewritten(profile, written, name) if written else None
    bad = ("What the model wrote is no profile, so this draft is made without it.",)
    origins = _origins(
        better or profile,
        listed,
        phrases,
        theirs,
        {one_line(p.id) for p in papers},
        by_model=bool(better),
    )
    return Draft(
        profile=better or profile,
        origins=tuple(origins),
        notes=sources.notes + (bad if written and not better else ()),
    )


def _listed(
    sources: Sources,
    phrases: Sequence[str],
    near: Mapping[str, Sequence[Paper]],
    known: Mapping[str, Profile],
    written: Written | None,
) -> tuple[tuple[str, ...], OriginKind]:
    """The categories to read, and where they come from, the surest first: the papers' own, the
    model's, those of a profile with such words, those of known papers near to the text. Raises
    Refused where there are none."""
    said = " ".join((sources.text, *(work.title for work in sources.works)))
    found = {
        OriginKind.LISTED: _categories(sources.papers),
        OriginKind.MODEL: tuple(
            filter(None, map(canonical, written.categories if written else ()))
        ),
        OriginKind.PROFILE: description.likely_categories(said, known),
        OriginKind.NEAR: _categories([each for phrase in phrases for each in near.get(phrase, ())]),
    }
    for kind, categories in found.items():
        if categories:
            return categories, kind
    raise Refused("From that it is not clear which arXiv categories to read. Give some papers.")


def _rewritten(profile: Profile, written: Written, name: str) -> Profile | None:
    """A profile with what a model wrote, cut to what a form holds; None where it is none."""
    room = LONGEST // len(written.topics) - _SEPARATORS
    topics = dict[str, dict[str, str]]()
    for topic in written.topics:
        plain = _topic(topic.name, topic.relevant, room)
        irrelevant = shortened(topic.irrelevant, min(_RELEVANT, room - len(plain.name)))
        row = plain.model_dump() | {"irrelevant": irrelevant if topic.irrelevant else ""}
        topics.setdefault(plain.name.casefold(), row)
    data = profile.model_dump(mode="json") | {
        "name": name or name_from(written.title, profile.name),
        "title": shortened(written.title, _TITLE),
        "topics": list(topics.values()),
        "keywords": {"relevant": _words(written.keywords), "irrelevant": _words(written.avoid)},
    }
    found = validate_data(data)
    try:
        return found if isinstance(found, Profile) and form.build_form(found) else None
    except Refused:
        return None


def _words(words: Sequence[str]) -> list[str]:
    """Keywords as a form can hold them: without commas, or a sign in front."""
    plain = (" ".join(word.replace(",", " ").split()).lstrip("-−– ") for word in words)
    return list(dict.fromkeys(shortened(word, _WORD) for word in plain if word))


def _origins(
    profile: Profile,
    listed: OriginKind,
    phrases: Collection[str],
    papers: Mapping[Topic, str],
    given: Collection[str],
    by_model: bool,
) -> Iterator[Origin]:
    """`listed` says where the categories come from, `papers` those of topics; `given` are the ids
    of what somebody gave; `by_model`: title, topics and keywords are a model's."""
    of = OriginKind
    title = of.MODEL if by_model else of.TEXT if phrases else of.PHRASES
    yield Origin(field="title", kind=title)
    yield from (Origin(field="categories", line=each, kind=listed) for each in profile.categories)
    for topic in profile.topics:
        paper = papers.get(topic, "")
        kind = of.TEXT if not paper else of.PAPER if paper in given else of.NEAR
        yield Origin(
            field="topics", line=topic.name, kind=of.MODEL if by_model else kind, paper=paper
        )
    for word in (*profile.keywords.relevant, *profile.keywords.irrelevant):
        kind = of.MODEL if by_model else of.TEXT if word in phrases else of.PHRASES
        yield Origin(field="keywords", line=word, kind=kind)
    for author in profile.authors.follow:
        yield Origin(field="authors", line=author, kind=of.AUTHOR)


def _of_phrases(
    phrases: Sequence[str], near: Mapping[str, Sequence[Paper]], room: int
) -> Iterator[Topic]:
    """A topic for each phrase, in so many characters at most."""
    for phrase in phrases:
        titles = [f"“{readable(paper.title)}”" for paper in near.get(phrase, ())]
        relevant = f"{phrase}, as in {' and '.join(titles)}." if titles else f"{phrase}."
        yield _topic(phrase, relevant, room)


def _of_paper(paper: Paper, room: int) -> Topic:
    """A paper as a topic: its title, and the sentence that tells most."""
    title = readable(paper.title)
    alone = Profile(
        name="paper", title="Paper", categories=("cs.LG",), topics=(_topic(title, title, LONGEST),)
    )
    return _topic(title, telling_sentence(paper, alone) or title, room)


def _topic(name: str, relevant: str, room: int) -> Topic:
    name = shortened(re.sub(r'["“”]', "", name).strip() or name, min(_TOPIC_NAME, room // 2))
    return Topic(name=name, relevant=shortened(relevant, min(_RELEVANT, room - len(name))))


def _categories(papers: Sequence[Paper]) -> tuple[str, ...]:
    """The primary categories of papers, most frequent first."""
    counts = Counter(paper.categories[0] for paper in papers if paper.categories)
    return _known(sorted(counts, key=lambda each: (-counts[each], each)))[:_CATEGORIES]


def _known(categories: Iterable[str]) -> tuple[str, ...]:
    """Those that arXiv has, as it spells them, each once."""
    return tuple(dict.fromkeys(filter(None, map(canonical, categories))))


def _heading(words: Sequence[str]) -> str:
    """The first words or phrases, as many as make a short heading."""
    title = shortened(words[0], _TITLE)
    for more in words[1:_TITLE_PHRASES]:
        if len(title) + len(more) + 2 > _TITLE:
            break
        title += f", {more}"
    return title[:1].upper() + title[1:]
