"""A daemon's API against what its own OpenAPI document allows, and what it forbids: no fault, no answer untold."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

from agentwatch.api.tokens import hash_token

schemathesis = pytest.importorskip("schemathesis")

from schemathesis.checks import not_a_server_error  # noqa: E402  # only where it is installed
from schemathesis.specs.openapi.checks import (  # noqa: E402  # only where it is installed
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = 20
DIGEST, BOUND = hash_token("aw_t"), {"Authorization": "Bearer aw_t"}
WITHIN_S = 600.0  # takes a minute; it ends also where the machine stands still
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def fuzz(url: str) -> dict[str, int]:
    """Try every operation but the endless streams, as who may do all and as a tenant's; gives how often each was."""
    schema = schemathesis.openapi.from_url(f"{url}/schema/openapi.json")
    called: dict[str, int] = {}
    wrong: list[str] = []
    ends = time.monotonic() + WITHIN_S
    for found in schema.get_all_operations():
        operation = found.ok()
        if "/stream/" not in operation.path:
            called[operation.label] = 0
            for mode in schemathesis.GenerationMode:
                try:
                    called[operation.label] += tried(operation.as_strategy(generation_mode=mode), ends)
                except Unsatisfiable:  # what takes anything can be sent nothing wrong
                    continue
                except BaseExceptionGroup as found_wrong:
                    wrong.append(f"{operation.label}: {found_wrong} {found_wrong.exceptions!r}")
    assert not wrong, "\n".join(wrong)
    return called


def tried(cases: Any, ends: float) -> int:
    """Send each case twice; gives how many were sent before the time was over."""
    sent = 0

    @BOUNDED
    @given(cases)
    def one(case: Any) -> None:
        nonlocal sent
        for more in ({}, BOUND) if time.monotonic() < ends else ():
            answer = case.call(headers={**(case.headers or {}), **more}, timeout=10)
            sent += 1
            if answer.status_code == 400 and answer.content.startswith(b"Invalid HTTP request"):
                continue  # no HTTP at all: the parser refused it before there was an operation
            case.validate_response(answer, checks=CHECKS)

    one()
    return sent


# The daemon in the next thread draws jitter while cases are drawn here.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisDeprecationWarning")
@pytest.mark.slow
async def test_no_request_is_a_surprise(valkey, daemon) -> None:
    tenant = (
        f'[[api.tokens]]\nname = "t"\nroles = ["operator", "guard", "producer"]\ntenant = "t"\nsha256 = "{DIGEST}"\n'
    )
    async with daemon(valkey, tenant + "[api.limits]\nrequests_per_s = 100000.0\nrequests_burst = 100000\n") as running:
        kill = {"subject": "t/a/run/r", "cmd": "kill", "author": "a", "reason": "loops"}
        assert (await running.http.post("/v1/decisions", json=kill)).status_code == 201
        called = await asyncio.to_thread(fuzz, running.lifecycle.wired.url)
        assert await running.ready() == 200
    assert len(called) > 30
    assert min(called.values()) >= 10, called
