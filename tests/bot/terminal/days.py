"""A day of ten papers of the sample, scored and described as a model might, and how it is drawn."""

from __future__ import annotations

from io import StringIO

from rich.console import Console, RenderableType

from bot.domain.digest import Decision, Digest, Outcome, Score
from bot.profiles import library
from tests.factories import digest
from workers.arxiv import sample

_SHOWS = {
    "2503.14881": "Formalises KV-cache compression for autoregressive images, with memory bounds.",
    "2503.24358": "Quantizes keys orthogonally to queries: peak memory falls 2.17 to 2.82 times.",
    "2503.22879": "Runs Mamba in 8 or 4 bits, prefilling 1.3 times faster for 1.6 % of accuracy.",
    "2503.23956": "Keeps 10 % of the visual KV cache and decodes 29 to 66 % faster.",
    "2503.07654": "Calibrates 4-bit activations by channel, before inference: decoding is 1.77x.",
    "2503.03088": "Quantizes Segment Anything to 4 bits, 7.89 times as fast on an FPGA.",
    "2503.07657": "Splits layers for INT4 on a CPU alone: a 1B model in 2 minutes 6 seconds.",
    "2503.21135": "Calibrates each expert of a mixture by its own data; zero-shot up to 8.91 %.",
    "2503.08040": "Falls back from 8 to 16 bits for outlier blocks only; trains 1.57x as fast.",
    "2503.14868": "Personalises quantized diffusion by forward passes, in 8.2x less memory.",
}
_NEARLY = ("2503.08467", "2503.23924")


def day_of_ten() -> Digest:
    """Ten picked, two over the limit, ninety below the cut-off."""
    listed = {each.paper.id: each for each in sample.listing().papers}
    rest = [id for id in listed if id not in _SHOWS and id not in _NEARLY][:90]
    ids = [*_SHOWS, *_NEARLY, *rest]
    scores = [(10, 9), (10, 8), (9, 8), (9, 8), (9, 7), (9, 7), (8, 7), (8, 7), (8, 6), (8, 6)]
    scores += [(8, 6), (7, 6)] + [(5, 5)] * 90
    kinds = [Outcome.PICKED] * 10 + [Outcome.OVER_LIMIT] * 2 + [Outcome.BELOW_CUTOFF] * 90
    return digest(
        *(
            Decision(
                announced=listed[id],
                outcome=kind,
                score=Score(
                    relevance=relevance,
                    novelty=novelty,
                    shows=_SHOWS.get(id, ""),
                    comment="Meets Quantization: fewer bits at the same quality.",
                ),
            )
            for id, (relevance, novelty), kind in zip(ids, scores, kinds, strict=True)
        ),
        profile=library.shipped()["compression"],
    )


def drawn(shown: RenderableType, columns: int) -> str:
    """What a terminal of so many columns shows, without its styles."""
    out = StringIO()
    console = Console(file=out, width=columns, color_system=None, legacy_windows=False)
    console.print(shown, crop=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
