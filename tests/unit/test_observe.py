"""One place for logs and metrics: their form, their names, and no label that grows with the fleet."""

import io
import json
import logging

import pytest
import structlog

from agentwatch import observe

LABELS = {
    "bound", "bus", "cause", "change", "cmd", "direction", "fingerprints", "gate", "generation", "implementation",
    "kind", "le", "level", "major", "method", "minor", "mode", "origin", "outcome", "patchlevel", "receiver", "route",
    "scope", "sink", "stage", "state", "status", "stream", "version",
}  # fmt: skip
UNITLESS = {
    "agentwatch_stream_lag_entries", "agentwatch_batch_entries", "agentwatch_commands_standing",
    "agentwatch_breakers_open", "agentwatch_mode", "agentwatch_incidents_open", "agentwatch_tracked",
    "agentwatch_owner", "agentwatch_reload_success", "agentwatch_build_info", "agentwatch_http_in_flight_requests",
    "agentwatch_http_streams_open", "agentwatch_safe_mode", "agentwatch_bound_limit", "agentwatch_bound_used",
    "agentwatch_ledgers_unsettled",
}  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _fresh():
    observe.reset()
    yield
    observe.reset()


def test_metrics_have_units_and_bounded_labels_only() -> None:
    for family in observe.metrics().registry.collect():
        if family.name.startswith("agentwatch_"):
            named = family.name.endswith(("_seconds", "_bytes")) or family.name in UNITLESS or family.type == "counter"
            assert named, family.name
            assert family.documentation.endswith("."), family.name
    for metric in vars(observe.metrics()).values():
        assert set(getattr(metric, "_labelnames", ())) <= LABELS


def test_metrics_are_one_set_until_reset() -> None:
    observe.metrics().cost.inc(1.5)
    assert observe.metrics() is observe.metrics()
    assert b"agentwatch_cost_usd_total 1.5" in observe.exposition()
    observe.reset()
    assert b"agentwatch_cost_usd_total 0.0" in observe.exposition()


def test_logs_are_json_lines_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    observe.configure_logging(observe.LogOptions(), out)
    structlog.get_logger("agentwatch.test").info("started", port=1)
    logging.getLogger("some.package").warning("hello %s", "there")
    structlog.get_logger().debug("not_shown")
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert (first["event"], first["port"], first["level"]) == ("started", 1, "info")
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["logger"], second["level"]) == ("hello there", "some.package", "warning")


def test_a_traceback_shows_no_local_variables() -> None:
    for stream in (io.StringIO(), Terminal()):
        observe.configure_logging(observe.LogOptions(), stream)

        def fail() -> None:
            secret = "hunter2" * 2
            raise RuntimeError(f"{len(secret)} characters")

        try:
            fail()
        except RuntimeError:
            structlog.get_logger().exception("failed")
        assert "RuntimeError" in stream.getvalue()
        assert "hunter2hunter2" not in stream.getvalue()


def test_a_terminal_gets_console_lines_and_the_form_can_be_set() -> None:
    terminal = Terminal()
    observe.configure_logging(observe.LogOptions(), terminal)
    structlog.get_logger().info("started")
    assert not terminal.getvalue().startswith("{")
    observe.configure_logging(observe.LogOptions(format="json", level="warning"), terminal)
    structlog.get_logger().info("not_shown")
    structlog.get_logger().warning("shown")
    last = terminal.getvalue().splitlines()[-1]
    assert json.loads(last)["event"] == "shown"
    assert "not_shown" not in terminal.getvalue()


def test_reset_takes_our_handler_away_and_leaves_others() -> None:
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    try:
        observe.configure_logging(observe.LogOptions(), io.StringIO())
        observe.configure_logging(observe.LogOptions(), io.StringIO())
        ours = [h for h in logging.getLogger().handlers if getattr(h, "agentwatch", False)]
        assert len(ours) == 1
        observe.reset()
        assert other in logging.getLogger().handlers
        assert ours[0] not in logging.getLogger().handlers
    finally:
        logging.getLogger().removeHandler(other)
