"""arXiv's category taxonomy as data, and which of its categories a word means.

Source: https://arxiv.org/category_taxonomy, and the lists arXiv's feed gives back when it is asked
for a category it does not know. Closed archives (alg-geom, cmp-lg, ...) get no new papers and are
left out; so is arXiv's own `test`. Aliases (math.IT for cs.IT) are kept: the feed takes them.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
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

# Comparing is quadratic in the length, and the word may come from anyone; no name is half as long.
_LONGEST: Final = 40


def canonical(category: str) -> str | None:
    """The right spelling of an archive or class written in any case; None when arXiv has none."""
    return _SPELLINGS.get(category.lower())


def nearest(category: str) -> str | None:
    """The category that was probably meant by an unknown one; None when nothing is like it.

    A right class under a wrong or missing archive comes first: `LG` and `stat.LG` are cs.LG.
    """
    word = category.lower()[:_LONGEST]
    tail = word.rpartition(".")[2]
    same_class = [known for known in _SPELLINGS if tail and known.endswith(f".{tail}")]
    close = difflib.get_close_matches(word, same_class, 1, cutoff=0) or difflib.get_close_matches(
        word, _SPELLINGS, 1
    )
    return _SPELLINGS[close[0]] if close else None


def matches(category: str, asked: str) -> bool:
    """Whether a paper's category belongs to what was asked: it is that, or in that archive."""
    category, asked = category.lower(), asked.lower()
    return category == asked or category.partition(".")[0] == asked


def expand(asked: str) -> tuple[str, ...]:
    """What a category consists of: an archive's classes, or itself where there is nothing below.

    The spelling is made right; a category arXiv does not know comes back as it was given.
    """
    found = canonical(asked) or asked
    return ARCHIVES.get(found) or (found,)
