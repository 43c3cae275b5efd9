"""What happens, as figures (Prometheus) and as traces (OpenTelemetry).

Neither names a person, an address or a subject: labels come from closed lists, and spans carry ids of ours only. The
trace of an email or a submission follows from its id, so that steps in several processes and on several days are one
trace without anything being kept. Until start_figures() or start_traces() a call here costs a comparison.
"""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

from letterlock.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "emails_accepted": ("Emails that were kept; each inbox they are for counts", ("transport",)),
    "emails_filed": ("Emails that became visible, by level of their screening", ("level",)),
    "submissions": ("Emails that agents submitted, by decision", ("decision",)),
    "deliveries": ("Tries of one recipient, by what became of them", ("route", "state")),
    "webhook_posts": ("Events sent to webhooks", ("took",)),
    "calls": ("Actions that were called, through whichever door; code: ok or that of the error", ("action", "code")),
}
"""Name, description and labels; each name is told as letterlock_NAME_total."""
STEPS = ("accept", "read", "file", "show", "submit", "deliver", "tell", "call")
"""Steps that take time: a histogram for each, and a span where a trace follows an email or a submission."""
GAUGES: Mapping[str, str] = {
    "emails_unfiled": "Emails that were accepted and are not visible yet",
    "oldest_unfiled_seconds": "Age of the oldest of them",
    "deliveries_due": "Deliveries that wait for their next try",
    "submissions_held": "Submissions that wait for a person",
    "waiters": "Calls in this process that wait for mail",
    "postmaster": "1 when this data folder has a postmaster that lives",
    "store_bytes": "Size of the mail store with its log",
}
"""Told as letterlock_NAME; set by whoever is asked for all figures."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
FIGURES_TYPE = "text/plain; version=1.0.0; charset=utf-8"


class _Figures:
    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

        self.registry: CollectorRegistry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.counters: dict[str, Counter] = {
            name: Counter(f"letterlock_{name}", text, labels, registry=self.registry)
            for name, (text, labels) in COUNTERS.items()
        }
        self.steps: Histogram = Histogram(
            "letterlock_step_seconds", "Time of a step", ("step",), buckets=_BUCKETS, registry=self.registry
        )
        self.gauges: dict[str, Gauge] = {
            name: Gauge(f"letterlock_{name}", text, registry=self.registry) for name, text in GAUGES.items()
        }


_figures: _Figures | None = None
_tracer: Tracer | None = None
_root: contextvars.ContextVar[tuple[int, int] | None] = contextvars.ContextVar("letterlock_root", default=None)


def start_figures() -> None:
    """From now on figures are kept in this process."""
    global _figures
    _figures = _figures or _Figures()


def figures(gauges: Mapping[str, float]) -> bytes:
    """All figures in Prometheus' text format, of type FIGURES_TYPE, with `gauges` as they are now. After
    start_figures()."""
    from prometheus_client.exposition import generate_latest

    assert _figures is not None
    for name, value in gauges.items():
        _figures.gauges[name].set(value)
    return bytes(generate_latest(_figures.registry))


def count(name: str, times: int = 1, **labels: str) -> None:
    """`name` and its labels as in COUNTERS."""
    if _figures is not None:
        _figures.counters[name].labels(**labels).inc(times)


def took(step: str, began: float, of: Iterable[str] = (), *, first: bool = False, **attributes: str | int) -> None:
    """A step of STEPS ended just now. `began`: time.monotonic() at its start. `of`: the emails or submissions it was a
    step of; `first`: with it their trace begins. `attributes`: of the spans; never what an email says or whom it is
    from."""
    if _figures is None and _tracer is None:
        return
    seconds = time.monotonic() - began
    if _figures is not None:
        _figures.steps.labels(step=step).observe(seconds)
    if _tracer is not None:
        end = time.time_ns()
        for subject in of:
            _span(_tracer, step, subject, end - int(seconds * 1e9), end, first, attributes)


def _ids(subject: str) -> tuple[int, int]:
    """The trace of a subject and the span it begins with (W3C Trace Context: 16 and 8 bytes, not all zero)."""
    digest = hashlib.sha256(b"letterlock trace\n" + subject.encode()).digest()
    return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1


def _span(
    tracer: Tracer, step: str, subject: str, begin: int, end: int, first: bool, attributes: Mapping[str, str | int]
) -> None:
    from opentelemetry import trace
    from opentelemetry.context import Context

    trace_id, span_id = _ids(subject)
    context = Context()
    if not first:
        above = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(1))
        context = trace.set_span_in_context(trace.NonRecordingSpan(above), context)
    token = _root.set((trace_id, span_id) if first else None)
    try:
        told = {"letterlock.subject": subject, **{f"letterlock.{name}": value for name, value in attributes.items()}}
        tracer.start_span(f"letterlock {step}", context, attributes=told, start_time=begin).end(end)
    finally:
        _root.reset(token)


@contextlib.contextmanager
def traces(exporter: Any = None) -> Iterator[None]:
    """Spans go out while the context lasts, by OTLP over HTTP to where the OTEL_EXPORTER_OTLP_* variables say, from a
    thread of its own with a bounded queue; or to `exporter`, at once. Raises SettingsError when the packages are not
    there."""
    global _tracer
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

        if exporter is None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            processor: Any = BatchSpanProcessor(OTLPSpanExporter())
        else:
            processor = SimpleSpanProcessor(exporter)
    except ImportError as error:
        raise SettingsError(
            f"traces needs the package {error.name}.", next_step="pip install 'letterlock[telemetry]'"
        ) from None

    class Ids(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            root = _root.get()
            return root[0] if root else super().generate_trace_id()

        def generate_span_id(self) -> int:
            root = _root.get()
            return root[1] if root else super().generate_span_id()

    resource = Resource.create({"service.name": "letterlock", "service.version": metadata.version("letterlock")})
    provider = TracerProvider(id_generator=Ids(), resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("letterlock")
    try:
        yield
    finally:
        _tracer = None
        provider.shutdown()
