"""What the test session promises: a suite that this machine owes is not skipped in silence."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TRACES = Path(__file__).resolve().parent.parent / "shared" / "traces"
OWED = os.environ.get("AGENTWATCH_CI") == "1"
DEBIAN_FIXTURES = {"redis7", "redis7_server", "mosquitto"}

# How long an example takes says how busy the machine is; speed is the business of bench/.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server of the distribution, so that `make test` leaves it out."""
    for item in items:
        if isinstance(item, pytest.Function) and DEBIAN_FIXTURES & {*item.fixturenames, *chosen(item)}:
            item.add_marker("debian")


def chosen(item: pytest.Function) -> set[str]:
    """Name the fixtures that a parameter of the test chooses by name."""
    callspec = getattr(item, "callspec", None)
    return {value for value in callspec.params.values() if isinstance(value, str)} if callspec is not None else set()


def promised(item: pytest.Item) -> bool:
    """Tell whether this machine owes the test: Debian's packages always, the traces where they were laid."""
    if item.get_closest_marker("debian") is not None:
        return True
    return item.get_closest_marker("traces") is not None and TRACES.is_dir()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of an owed test into a failure."""
    report = yield
    if OWED and report.skipped and not hasattr(report, "wasxfail") and promised(item):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} is promised here and was skipped: {reason}"
    return report


@pytest.fixture(scope="session")
def traces() -> Path:
    """Find the folder of the labelled traces; skips where they are not laid beside the checkout."""
    if not (TRACES / "events.jsonl.gz").is_file():
        pytest.skip("the labelled traces are not laid beside this checkout")
    return TRACES
