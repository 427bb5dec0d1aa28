"""A library of references: what is read of BibTeX and RIS as programs write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refused
from workers.drafting.references import read_references

ZOTERO = """
@misc{gao_moqa_2025,
	title = {{MoQa}: {Rethinking} {MoE} {Quantization}},
	url = {http://arxiv.org/abs/2503.21135},
	doi = {10.48550/arXiv.2503.21135},
	abstract = {We show $x$,
 and more.},
	note = {arXiv:2503.21135 [cs]},
}
"""


@pytest.mark.parametrize(
    ("entry", "id"),
    [
        (ZOTERO, "2503.21135"),
        (
            "@article{a, title={A}, eprint={hep-th/9901001}, archivePrefix={arXiv}}",
            "hep-th/9901001",
        ),
        ("@article{a, title={A}, journal={arXiv preprint arXiv:2301.00001}}", "2301.00001"),
        ("@article{a, title={A}, journal={CoRR}, volume={abs/2301.00002}}", "2301.00002"),
        ("@misc{a, title={A}, doi={10.48550/ARXIV.2301.00003}}", "2301.00003"),
        (
            "@misc{a, title={A}, howpublished={\\url{https://arxiv.org/pdf/2301.00004v2}}}",
            "2301.00004",
        ),
        ("@misc{a, title={A}, note={arXiv:2301.00005}}", "2301.00005"),
        ("@misc{a, title={A}, note={Extends arXiv:2301.00005}}", ""),
        ("@article{a, title={A}, eprint={2503.00001}, eprinttype={jstor}}", ""),
        ("@article{a, title={A}, doi={10.1103/PhysRevD.101.1234}}", ""),
        ("@misc{x, note={Key twice}}\n@misc{x, title={A}, eprint={2301.00006}}", "2301.00006"),
        ("@misc{x, title={Not closed}\n@misc{y, title={A}, eprint={2301.00007}}", "2301.00007"),
        ("TY  - JOUR\nTI  - A\nDO  - 10.48550/arXiv.2301.00008\nER  - \n", "2301.00008"),
        ("TY  - GEN\r\nT1  - A\r\nM1  - arXiv:2301.00009\r\n", "2301.00009"),
        ("TY  - GEN\nTI  - A\nUR  - https://arxiv.org/abs/2301.00010\nER  -", "2301.00010"),
    ],
)
def test_an_arxiv_id_is_found_wherever_a_program_puts_it(entry: str, id: str) -> None:
    assert read_references(entry)[-1].id == id


def test_titles_and_abstracts_are_read_on_one_line() -> None:
    (one,) = read_references(ZOTERO)
    assert (one.title, one.abstract) == (
        "{MoQa}: {Rethinking} {MoE} {Quantization}",
        "We show $x$, and more.",
    )
    (two,) = read_references("TY  - JOUR\nTI  - A\nAB  - We show\nand more.\nER  - ")
    assert two.abstract == "We show and more."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x" * 1_000_001, "At most 1 MB"),
        ("Dear all, here is my library.", "neither BibTeX nor RIS"),
        ("@misc{a, year={2020}}", "No entry"),
    ],
)
def test_what_is_no_library_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read_references(text)


PIECES = [
    "@misc{a,",
    "title={",
    "}",
    '"',
    "\n",
    "TY  - ",
    "ER  -",
    "TI  - x",
    "{",
    "@string{a=b}",
    "#",
]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=30))
def test_whatever_a_file_holds_it_is_read_or_refused(pieces: list[str]) -> None:
    try:
        found = read_references("".join(pieces))
    except Refused:
        return
    assert all(each.title.isprintable() for each in found)
