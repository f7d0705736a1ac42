"""The examples and the documentation are true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from agentwatch.records import Command, Event

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("example", "subject"),
    [("agent_asyncio.py", "default/shop/run/order-42"), ("agent_threads.py", "default/files/run/search-7")],
)
async def test_an_example_emits_and_is_stopped(example, subject, valkey, over_redis, command, until):
    environment = os.environ | {"AGENTWATCH_REDIS_URL": valkey, "PYTHONPATH": str(ROOT), "STEPS": "100"}
    async with over_redis(valkey) as side:
        await side.send(command("kill", 1, subject=subject))
        done = subprocess.run(  # noqa: ASYNC221  # nothing else is to happen meanwhile
            [sys.executable, ROOT / "examples" / example],
            check=False, env=environment, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert (done.stdout, done.returncode) == ("stopped by agentwatch: the same again\n", 0), done.stderr
        await side.take_back(subject, 2)
        done = subprocess.run(  # noqa: ASYNC221  # nothing else is to happen meanwhile
            [sys.executable, ROOT / "examples" / example],
            check=False, env=environment | {"STEPS": "1"}, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert (done.stdout, done.returncode) == ("", 0), done.stderr
        rows = await side.client.xrange(side.keys.events)
    events = [msgspec.json.decode(fields[b"data"], type=Event) for _, fields in rows]
    assert [f"default/{event.app}/run/{event.run}" for event in events] == [subject]


def test_the_command_in_the_documentation_is_one():
    text = (ROOT / "docs" / "connect.md").read_text()
    example, _signed = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    assert msgspec.json.decode(example, type=Command).cmd == "kill"


def test_every_option_of_the_environment_is_documented():
    text = (ROOT / "docs" / "connect.md").read_text()
    source = "".join(path.read_text() for path in (ROOT / "agentwatch" / "client").glob("*.py"))
    for name in set(re.findall(r"AGENTWATCH(_[A-Z_]+[A-Z])", source)):
        assert name in text, name
