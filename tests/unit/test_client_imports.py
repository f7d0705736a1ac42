"""The client lives in other people's processes: it must be light there."""

import subprocess
import sys

PROGRAM = """
import sys
import agentwatch.client
heavy = "redis hiredis structlog rich numpy sklearn scipy litestar uvicorn click aiomqtt paho httpx "
heavy += "prometheus_client pydantic"
print(*sorted(set(heavy.split()) & set(sys.modules)))
print(*sorted(name for name in sys.modules if name.startswith("agentwatch.")
              and name.split(".")[1] not in allowed))
"""
ALLOWED = {"backoff", "broker", "cancellation", "client", "connection", "errors", "keys", "nodes", "records"}
ALLOWED |= {"signed", "subject", "topics"}


def test_importing_the_client_loads_nothing_of_the_daemon():
    program = f"allowed = {ALLOWED!r}\n{PROGRAM}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_nothing_is_printed_into_the_agents_output():
    program = """
from agentwatch.client import ThreadGuard, GuardOptions
options = GuardOptions(start_timeout_s=0.2, close_s=0.1)
with ThreadGuard("bot", redis="redis://127.0.0.1:9", options=options) as guard:
    guard.check()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "event='guard_path_down'" in done.stderr


def test_all_that_is_exported_is_there():
    import agentwatch.client

    for name in agentwatch.client.__all__:
        assert getattr(agentwatch.client, name) is not None
