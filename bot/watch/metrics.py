"""Figures in Prometheus' text format: counted from what is stored, nobody is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from bot.domain.budget import NANO
from bot.domain.reasons import ModelReason
from bot.domain.watching.figures import Figures, Vitals
from bot.domain.watching.ledger import LATENESS_BOUNDS
from bot.store.watching.ledger import excused_in, lateness_in


def exposition(figures: Figures, vitals: Vitals) -> bytes:
    """The page that Prometheus scrapes."""
    registry = CollectorRegistry(auto_describe=False)
    parts = _papers(figures), _deliveries(figures), _rest(figures, vitals)
    registry.register(_Collected([metric for part in parts for metric in part]))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _papers(figures: Figures) -> Iterator[Metric]:
    counts = figures.counts
    for name, what in (
        ("announced", "Papers announced in the categories of a profile, for each profile and day."),
        ("scored", "Announced papers that got a score."),
        ("posted", "Papers posted to a channel, for each channel."),
    ):
        yield _counter(f"paperboy_papers_{name}", what, {(): counts.get(name, 0)})
    unscored = {(why,): counts.get(f"unscored {why}", 0) for why in ModelReason}
    text = (
        "Announced papers that a try left without a score, by reason; a later one may score them."
    )
    yield _counter("paperboy_papers_unscored", text, unscored, "reason")


def _deliveries(figures: Figures) -> Iterator[Metric]:
    counts = figures.counts
    owed = {(): counts.get("owed", 0)}
    yield _counter("paperboy_deliveries_owed", "Digests that came due for a subscription.", owed)
    excused = {(str(why),): number for why, number in excused_in(counts).items()}
    text = "Digests that came due and are not made for a known reason."
    yield _counter("paperboy_deliveries_excused", text, excused, "reason")
    made, total, buckets = lateness_in(counts), 0, list[tuple[str, float]]()
    for bound in LATENESS_BOUNDS:
        total += made[bound]
        buckets.append((f"{float(bound)}", total))
    buckets.append(("+Inf", total + made[-1]))
    text = "How long after their time digests were complete in their channel."
    lateness = HistogramMetricFamily("paperboy_delivery_lateness_seconds", text)
    lateness.add_metric([], buckets, counts.get("seconds", 0))
    yield lateness
    text = "Digests that came due, are not made, and may still come."
    yield _gauge("paperboy_deliveries_waiting", text, {(): figures.waiting})
    text = "Digests that never came, and nobody was told why; always 0."
    yield _gauge("paperboy_deliveries_unexplained", text, {(): figures.unexplained})


def _rest(figures: Figures, vitals: Vitals) -> Iterator[Metric]:
    yield from _spent(figures)
    loads = figures.queues.items()
    for name, text, value in (
        ("workers", "Live worker processes of a queue.", {(n,): q.workers for n, q in loads}),
        (
            "oldest_job_age_seconds",
            "How long the oldest job of a queue has waited; 0 where none waits.",
            {
                (n,): max((figures.at - q.oldest).total_seconds(), 0) if q.oldest else 0
                for n, q in loads
            },
        ),
    ):
        yield _gauge(f"paperboy_queue_{name}", text, value, "queue")
    jobs = {
        (name, state): number
        for name, load in loads
        for state, number in (
            *(("waiting", load.waiting), ("running", load.running)),
            ("failed", load.failed),
        )
    }
    yield _gauge("paperboy_queue_jobs", "Jobs of a queue, by state.", jobs, "queue", "state")
    chats = {(name,): int(is_up) for name, is_up in vitals.chats.items()}
    text = "Whether this process is logged in to a chat and gets its events."
    yield _gauge("paperboy_chat_up", text, chats, "chat")
    unreachable = {(name,): figures.unreachable.get(name, 0) for name in ("slack", "discord")}
    text = "Workspaces of a chat in which nothing can be posted now: their pace, token or network."
    yield _gauge("paperboy_workspaces_unreachable", text, unreachable, "chat")
    ticked = vitals.ticked_at.timestamp() if vitals.ticked_at else 0
    text = "When this process's clock last ticked, in seconds since 1970; 0 before."
    ticking = {} if vitals.stands_by else {(): ticked}
    yield _gauge("paperboy_clock_last_tick_timestamp_seconds", text, ticking)
    lists = {(name,): at.timestamp() for name, at in figures.lists.items()}
    text = "When arXiv last gave a category's new list, in seconds since 1970, in the last week."
    yield _gauge("paperboy_list_last_timestamp_seconds", text, lists, "category")
    states = {("active",): figures.subscriptions - figures.paused, ("paused",): figures.paused}
    yield _gauge("paperboy_subscriptions", "Subscriptions of channels.", states, "state")
    text = "Stored values that could not be read and were set aside."
    yield _gauge("paperboy_values_unreadable", text, {(): figures.unreadable})
    build = {(metadata.version("paperboy"),): 1}
    yield _gauge("paperboy_build_info", "The release that runs.", build, "version")


def _spent(figures: Figures) -> Iterator[Metric]:
    spent = {str(period): totals for period, totals in figures.spent.items()}
    calls = {(name,): totals.calls for name, totals in spent.items()}
    text = "Calls to the model, this UTC day and month."
    yield _gauge("paperboy_model_calls", text, calls, "period")
    tokens = {
        (name, kind): number
        for name, totals in spent.items()
        for kind, number in (
            *(("prompt", totals.prompt), ("cached", totals.cached)),
            ("completion", totals.completion),
        )
    }
    text = "Tokens as the model reported them, this UTC day and month; cached are part of prompt."
    yield _gauge("paperboy_model_tokens", text, tokens, "period", "kind")
    dollars = {(name,): totals.nano / NANO for name, totals in spent.items()}
    text = "What the model cost, this UTC day and month; a call of unknown price counts at most."
    yield _gauge("paperboy_model_dollars", text, dollars, "period")


_Samples = Mapping[Any, float]  # by the values of the labels


def _counter(name: str, text: str, samples: _Samples, *labels: str) -> Metric:
    return _family(CounterMetricFamily(name, text, labels=labels), samples)


def _gauge(name: str, text: str, samples: _Samples, *labels: str) -> Metric:
    return _family(GaugeMetricFamily(name, text, labels=labels), samples)


def _family(family: CounterMetricFamily | GaugeMetricFamily, samples: _Samples) -> Metric:
    for labels, value in samples.items():
        family.add_metric(labels, value)
    return family
