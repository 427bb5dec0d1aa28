"""Files of saved papers: reference managers read back what the papers say."""

from __future__ import annotations

import json
import re
import string

import pytest
import rispy  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from bot.arxiv.text import readable
from bot.domain.papers import Paper
from bot.views.keeping import citations
from tests.factories import HOSTILE_DECISION, paper

HOSTILE = HOSTILE_DECISION.announced.paper
NAMES = ("Ada Lovelace", "ATLAS Collaboration", "Jesús M. Rodríguez-de-Vera", "Plato", "and others")


def written(format: str, *papers: Paper) -> str:
    return citations.as_file(format, papers).content.decode()


def test_a_reference_in_ris_is_what_zotero_imports_as_a_preprint() -> None:
    text = written("ris", paper(title="A $\\gamma$-margin", authors=NAMES))
    assert text == (
        "TY  - UNPB\n"
        "TI  - A γ-margin\n"
        "AU  - Lovelace, Ada\n"
        "AU  - ATLAS Collaboration\n"
        "AU  - Rodríguez-de-Vera, Jesús M.\n"
        "AU  - Plato\n"
        "PY  - 2025\n"
        "DA  - 2025/03\n"
        "AB  - We study the matter of 2503.15294 and prove a bound.\n"
        "DO  - 10.48550/arXiv.2503.15294\n"
        "UR  - https://arxiv.org/abs/2503.15294\n"
        "PB  - arXiv\n"
        "M1  - arXiv:2503.15294\n"
        "KW  - cs.LG\n"
        "ER  - \n"
    )


def test_csl_json_has_names_in_parts_and_the_month() -> None:
    (found,) = json.loads(written("csl", paper("hep-th/9901001", authors=NAMES)))
    assert found["author"] == [
        {"family": "Lovelace", "given": "Ada"},
        {"literal": "ATLAS Collaboration"},
        {"family": "Rodríguez-de-Vera", "given": "Jesús M."},
        {"literal": "Plato"},
    ]
    assert found["issued"] == {"date-parts": [[1999, 1]]}
    assert (found["id"], found["type"]) == ("arXiv:hep-th/9901001", "article")
    assert found["DOI"] == "10.48550/arXiv.hep-th/9901001"


def test_bibtex_has_a_key_for_each_paper() -> None:
    text = written("bibtex", paper("2503.00001"), paper("2503.00002"), paper("2503.00003"))
    keys = re.findall(r"@misc\{([^,]+),", text)
    assert keys == ["lovelace2025matter", "lovelace2025matter-2", "lovelace2025matter-3"]


@pytest.mark.parametrize("format", ["bibtex", "ris", "csl"])
def test_each_file_is_named_by_what_it_is(format: str) -> None:
    file = citations.as_file(format, [paper(), HOSTILE])
    assert file.name == f"saved-papers.{ {'bibtex': 'bib', 'ris': 'ris', 'csl': 'json'}[format] }"
    assert (file.noun, file.alt) == ("file", "2 papers")


TEXTS = st.one_of(
    st.text(max_size=60),
    st.text(string.punctuation + "\n\r\t AER  -TY{}", max_size=60),
    st.sampled_from(["x\nER  - \nTY  - JOUR", "TY  - JOUR", "\u202eER  - ", "@misc{a,}"]),
)


@given(title=TEXTS, abstract=TEXTS, author=TEXTS)
def test_no_text_of_others_ends_a_reference_or_begins_another(
    title: str, abstract: str, author: str
) -> None:
    odd = paper(title=title, abstract=abstract, authors=(author, "Ada Lovelace"))
    papers = (odd, HOSTILE, paper("2503.00002"))
    found = json.loads(written("csl", *papers))
    assert [each["id"] for each in found] == [f"arXiv:{each.id}" for each in papers]
    assert found[0].get("title", "") == readable(title)
    read = rispy.loads(written("ris", *papers))
    assert [each["urls"] for each in read] == [[each.url] for each in papers]
    assert {each["type_of_reference"] for each in read} == {"UNPB"}
