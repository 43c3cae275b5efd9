from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from letterlock import telemetry
from letterlock.actions import health
from letterlock.actions.caller import COMMAND_LINE, LOCAL_CALLER, METRICS, Caller
from letterlock.app import App
from letterlock.errors import NotAllowed, NotFound
from letterlock.ids import AgentId, TenantId
from letterlock.postmaster import file_waiting
from running import do, hand_in, letter, make_inbox


@pytest.fixture
def figured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of this test alone."""
    monkeypatch.setattr(telemetry, "_figures", None)
    telemetry.start_figures()


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    kept = InMemorySpanExporter()
    with telemetry.traces(kept):
        yield kept


async def live(app: App) -> tuple[str, str]:
    """An email comes in, is read and answered: its id and that of the answer."""
    box = await make_inbox(app)
    (receipt,) = await hand_in(app, box, letter("Zeppelin", "A quagmire, 493817", "Anna <anna@shop.example>"))
    await file_waiting(app)
    email_id = receipt.email_id
    await do(app, "read_email", email_id=email_id)
    sent = await do(app, "reply_to_email", email_id=email_id, text="Thank you, quagmire")
    return str(email_id), str(sent.submission_id)


NAMES = ("anna", "shop.example", "zeppelin", "quagmire", "493817", "box@")


async def test_an_emails_life_is_a_trace_found_by_its_id_and_is_counted_and_nobody_is_named(
    app: App, figured: None, spans: InMemorySpanExporter
) -> None:
    email_id, submission_id = await live(app)
    told: dict[str, list[Any]] = {}
    for span in spans.get_finished_spans():
        told.setdefault(str((span.attributes or {})["letterlock.subject"]), []).append(span)
    steps = {subject: [span.name.removeprefix("letterlock ") for span in its] for subject, its in told.items()}
    assert steps[email_id] == ["accept", "read", "file", "show"]
    assert steps[submission_id] == ["submit"]
    for subject, its in told.items():
        trace_id, root = telemetry._ids(subject)
        assert {span.context.trace_id for span in its} == {trace_id}
        assert (its[0].context.span_id, its[0].parent) == (root, None)
        assert {span.parent.span_id for span in its[1:]} <= {root}
        assert all(span.start_time <= span.end_time for span in its)

    said = (await health.figures(app, COMMAND_LINE)).decode()
    lines = said.splitlines()
    for line in (
        'letterlock_emails_accepted_total{transport="smtp"} 1.0',
        'letterlock_emails_filed_total{level="normal"} 1.0',
        'letterlock_calls_total{action="read_email",code="ok"} 1.0',
        'letterlock_submissions_total{decision="hold"} 1.0',
        'letterlock_step_seconds_count{step="accept"} 1.0',
        "letterlock_submissions_held 1.0",
        "letterlock_emails_unfiled 0.0",
        "letterlock_postmaster 0.0",
    ):
        assert line in lines
    assert any(line.startswith("letterlock_store_bytes") and float(line.split()[1]) > 4096 for line in lines)

    said += "".join(span.to_json() for span in spans.get_finished_spans())
    assert [name for name in NAMES if name in said.lower()] == []


async def test_a_call_that_fails_is_counted_with_its_code(app: App, figured: None) -> None:
    with pytest.raises(NotFound):
        await do(app, "read_email", email_id="em_none")
    assert b'letterlock_calls_total{action="read_email",code="not_found"} 1.0' in await health.figures(
        app, COMMAND_LINE
    )


async def test_figures_are_for_whoever_runs_the_server(app: App, figured: None) -> None:
    with pytest.raises(NotAllowed):
        await health.figures(app, LOCAL_CALLER)
    with pytest.raises(NotFound):
        await health.figures(app, Caller(TenantId("other"), AgentId("a"), frozenset({METRICS})))


async def test_without_a_start_nothing_is_kept_and_no_library_loaded() -> None:
    program = """
import sys
from letterlock import telemetry
telemetry.count("emails_filed", level="normal")
telemetry.took("file", 0.0, ["em_1"])
print([name for name in ("prometheus_client", "opentelemetry") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
