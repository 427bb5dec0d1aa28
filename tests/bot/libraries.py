"""A library of somebody's, and the papers of it that arXiv has."""

from __future__ import annotations

from bot.domain.papers import Paper
from tests.factories import paper, paper_ids

TOPICS = ("pruning of networks", "mixture of experts", "sparse attention", "spring tides")
ON_ARXIV: tuple[Paper, ...] = tuple(
    paper(id, title=f"On {TOPICS[n % 4]}, part {n}", abstract=f"We study {TOPICS[n % 4]}.")
    for n, id in enumerate(paper_ids(28))
)
_ELSEWHERE = [f"A book about {TOPICS[n % 4]}, volume {n}" for n in range(12)]
# 40 entries, of which 12 have no arXiv id.
BIBTEX = "\n".join(
    [
        "% Exported by a reference manager",
        *(
            f"@misc{{a{each.id},\n  title = {{{each.title}}},\n  eprint = {{{each.id}}},\n"
            f"  archiveprefix = {{arXiv}},\n  author = {{Müller, Émilie}},\n}}\n"
            for each in ON_ARXIV
        ),
        *(f"@book{{b{n},\n  title = {{{title}}},\n}}\n" for n, title in enumerate(_ELSEWHERE)),
    ]
)
FOUND = (
    "Your library has 40 entries, 28 of them found on arXiv. The other 12 have no arXiv id: titles "
    "and abstracts count."
)
