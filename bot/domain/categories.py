"""arXiv's category taxonomy, and which category a word means; pure.

Source: https://arxiv.org/category_taxonomy, and the lists in arXiv's feed for an unknown category.
Closed archives (alg-geom, cmp-lg, ...) get no new papers and are left out; so is arXiv's own
`test`. Aliases (math.IT for cs.IT) are kept: the feed accepts them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

_CLASSES: Final[Mapping[str, str]] = {
    "astro-ph": "CO EP GA HE IM SR",
    "cond-mat": "dis-nn mes-hall mtrl-sci other quant-gas soft stat-mech str-el supr-con",
    "cs": (
        "AI AR CC CE CG CL CR CV CY DB DC DL DM DS ET FL GL GR GT HC IR IT LG LO MA MM MS NA NE "
        "NI OH OS PF PL RO SC SD SE SI SY"
    ),
    "econ": "EM GN TH",
    "eess": "AS IV SP SY",
    "gr-qc": "",
    "hep-ex": "",
    "hep-lat": "",
    "hep-ph": "",
    "hep-th": "",
    "math": (
        "AC AG AP AT CA CO CT CV DG DS FA GM GN GR GT HO IT KT LO MG MP NA NT OA OC PR QA RA RT "
        "SG SP ST"
    ),
    "math-ph": "",
    "nlin": "AO CD CG PS SI",
    "nucl-ex": "",
    "nucl-th": "",
    "physics": (
        "acc-ph ao-ph app-ph atm-clus atom-ph bio-ph chem-ph class-ph comp-ph data-an ed-ph "
        "flu-dyn gen-ph geo-ph hist-ph ins-det med-ph optics plasm-ph pop-ph soc-ph space-ph"
    ),
    "q-bio": "BM CB GN MN NC OT PE QM SC TO",
    "q-fin": "CP EC GN MF PM PR RM ST TR",
    "quant-ph": "",
    "stat": "AP CO ME ML OT TH",
}

ARCHIVES: Final[Mapping[str, tuple[str, ...]]] = {
    archive: tuple(f"{archive}.{name}" for name in names.split())
    for archive, names in _CLASSES.items()
}

_SPELLINGS: Final[Mapping[str, str]] = {
    category.lower(): category
    for archive, classes_of in ARCHIVES.items()
    for category in (archive, *classes_of)
}

# Archives that are one field to whoever looks for a category; the others are one each.
_PHYSICS: Final = "High energy & quantum physics"


@cache
def names() -> Mapping[str, str]:
    """The name of each archive and category, in arXiv's order."""
    lines = (files("bot.domain") / "categories.txt").read_text(encoding="utf-8").splitlines()
    rows = (line.partition(" ") for line in lines if not line.startswith("#"))
    return {code: name for code, _, name in rows}


def label(category: str) -> str:
    """`Machine Learning (cs.LG)`; an archive is `All of Mathematics (math)`."""
    name = names().get(category)
    if name is None:
        return category
    whole = "All of " if ARCHIVES.get(category) else ""
    return f"{whole}{name} ({category})"


def field_of(category: str) -> str:
    """The field that a category is found under: its archive's name, or that of several."""
    archive = category.partition(".")[0]
    return names()[archive] if ARCHIVES.get(archive) else _PHYSICS


def by_name(name: str) -> str | None:
    """The category of that name (`machine learning`), in any case; None when there is none, or
    several."""
    asked = " ".join(name.split()).casefold()
    found = [code for code, known in names().items() if known.casefold() == asked]
    return found[0] if len(found) == 1 else None


# Comparing is quadratic in the length, and the word may come from anyone; no name is half as long.
_LONGEST: Final = 40


def canonical(category: str) -> str | None:
    """The spelling of an archive or class given in any case; None when arXiv has no such."""
    return _SPELLINGS.get(category.lower())


def nearest(category: str) -> str | None:
    """The category probably meant by an unknown one; None when none is similar.

    A known class under a wrong or missing archive comes first: `LG` and `stat.LG` are cs.LG.
    """
    word = category.lower()[:_LONGEST]
    tail = word.rpartition(".")[2]
    same_class = [known for known in _SPELLINGS if tail and known.endswith(f".{tail}")]
    close = difflib.get_close_matches(word, same_class, 1, cutoff=0) or difflib.get_close_matches(
        word, _SPELLINGS, 1
    )
    return _SPELLINGS[close[0]] if close else None


def matches(category: str, asked: str) -> bool:
    """Whether a paper's category is the requested one, or in the requested archive."""
    category, asked = category.lower(), asked.lower()
    return category == asked or category.partition(".")[0] == asked


def expand(asked: str) -> tuple[str, ...]:
    """An archive's classes, or the category itself where it has none.

    The spelling is corrected; a category that arXiv does not know is returned unchanged.
    """
    category = canonical(asked) or asked
    return ARCHIVES.get(category) or (category,)
