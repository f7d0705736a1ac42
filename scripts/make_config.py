"""Writes the configuration file that is shipped, configs/agentwatch.toml, and the reference of its keys.

Whatever is about single keys comes from the code's Structs; what is here is the frame and the examples.
"""

import textwrap
from typing import Final

from agentwatch.environment import OTHERS
from scripts.config_keys import Key, Table, tables

__all__ = ["config_file", "configuration_page"]

_FILE_HEAD: Final = """\
# The configuration of agentwatch. Made from the code by `make docs`: every key is here, at its default.
#
# A line `#key = value` is a key at its default; a line `# text` is an explanation. To change a key, take its `#` away.
# Units are in the names (`_s` seconds, `_ms` milliseconds, `_bytes`). An unknown key or a wrong value is an error that
# names file and key: `agentwatch config check --config FILE`. A running daemon takes a changed file on SIGHUP
# (`systemctl reload agentwatch`); what it cannot take without a restart it names in its log.
# An environment variable goes before this file: `redis.url` is AGENTWATCH_REDIS_URL. All of it: docs/configuration.md.
"""
_EXAMPLES: Final = {
    "redis": "In production, for example:\n"
    'url = "rediss://agentwatch@redis.example.org:6380/0" and password = "credential:redis-password"',
    "mqtt": "In production, for example:\n"
    'url = "mqtts://agentwatch@broker.example.org:8883" and password = "credential:mqtt-password"',
    "api.tokens[]": """\
[[api.tokens]]
name = "gateway"
roles = ["guard"]                 # producer, guard, read, operator
sha256 = "…"                      # 64 hexadecimal digits, from `agentwatch token new gateway --role guard`
tenant = "acme"                   # sees and touches nothing outside of it
expires_at = 2027-01-01T00:00:00Z""",
    "receivers[]": """\
[[receivers]]
name = "oncall"
kind = "apprise"                  # pagerduty://…, slack://…, mailto://… and a hundred more
url = "credential:pagerduty"
deliver = { min_level = "pause", repeat_s = 3600 }

[[receivers]]
name = "hook"
url = "https://hooks.example.org/agentwatch"
secret = "credential:hook"        # signs the body""",
    "prices.overrides.*": """\
[prices.overrides."gpt-4o"]       # USD a million tokens
input = 2.0
output = 8.0
cache_read = 1.0""",
}
_ELSEWHERE: Final = {
    "detectors": "Thresholds belong in the policy, where rules can differ: policy.d/00-default.toml shows them all.\n"
    "What is set here lies under them: `detectors.repeat.kill`, `detectors.ceiling.run_usd` and so on.",
    "ladder": "How a subject climbs and comes down belongs in the policy too: `[defaults.ladder]` in policy.d.",
}
_SHIPPED: Final = {"policy.files": '["policy.d/*.toml"]'}  # set rather than left at the default

_PAGE_HEAD: Final = """\
# Configuration: every key

Made from the code by `make docs`; do not edit. `configs/agentwatch.toml` shows the same keys as a file to start from.

* **Where from.** `agentwatch run --config FILE`, or `AGENTWATCH_CONFIG`; without either, defaults. A variable of the
  environment goes before the file; lists and numbers in it are written as JSON. An `AGENTWATCH_…` variable that is of
  no key and of no other part is an error. Other parts' are: {others}; and what
  Kubernetes sets for a service of that name. `agentwatch config show --changed` tells what differs from the defaults
  and where it comes from; `agentwatch config schema` prints a JSON Schema.
* **Checked whole.** `agentwatch config check --config FILE` reads it with the policy and the secrets, and names file
  and key of what is wrong (exit code 2): the first value that is wrong in itself, else every address, secret and
  receiver that cannot be used. A `credential:NAME` exists only inside the service; elsewhere it is told as *not
  checked here*. On SIGHUP a wrong file leaves the old one at work and says so.
* **Secrets.** `redis.password`, `mqtt.password` and a receiver's `url` and `secret` may be `file:/path` or
  `credential:NAME` (handed over by systemd: `docs/install.md`).
* **Times** are seconds (`_s`) unless the name says otherwise.
"""


def config_file() -> str:
    """Write configs/agentwatch.toml."""
    parts = [_FILE_HEAD]
    for table in tables():
        top = table.path.partition(".")[0]
        if table.path in _ELSEWHERE:
            parts.append(f"[{table.path}]\n{_comment(_ELSEWHERE[table.path])}")
        elif top not in _ELSEWHERE:
            parts.append(_section(table))
    return "\n".join(parts)


def configuration_page() -> str:
    """Write docs/configuration.md."""
    parts = [_PAGE_HEAD.format(others=" ".join(f"`{name}`" for name in sorted(OTHERS)))]
    for table in tables():
        parts.append(f"## {f'`{table.path}`' if table.path else 'At the top'}\n{table.text}\n")
        if table.keys:
            parts.append("| key | type and range | default | what it does |\n|---|---|---|---|")
            parts.append("\n".join(_row(key) for key in table.keys) + "\n")
    return "\n".join(parts)


def _section(table: Table) -> str:
    if "[" in table.path or "*" in table.path:
        return _entry(table)
    lines = [f"[{table.path}]\n{_comment(table.text)}"] if table.path else []
    lines += [_comment(_EXAMPLES.get(table.path, ""))]
    for key in table.keys:
        if key.type.startswith(("list of tables", "table of tables")):
            continue  # shown as an example
        line = f"{key.name} = {_SHIPPED[key.path]}" if key.path in _SHIPPED else f"#{key.name} = {key.default}"
        lines.append(f"\n{_comment(_about(key))}{line}\n")
    return "".join(lines)


def _entry(table: Table) -> str:
    """Show a table that has no place of its own in the file: as an example, or else as what its parent may hold."""
    text = _comment(table.text)
    if table.path in _EXAMPLES:
        return text + "".join(f"#   {line}".rstrip() + "\n" for line in _EXAMPLES[table.path].split("\n"))
    inside = table.path.rpartition(".")[2]
    return text + "".join(f"#\n{_comment(_about(key))}#   {inside}.{key.name} = {key.default}\n" for key in table.keys)


def _about(key: Key) -> str:
    return (
        f"{key.text} ({key.type.replace('`', '')})"
        if key.type not in ("string", "boolean", "list of strings")
        else key.text
    )


def _comment(text: str) -> str:
    wrapped = [line for part in text.split("\n") if part for line in textwrap.wrap(part, 116, break_on_hyphens=False)]
    return "".join(f"# {line}\n" for line in wrapped)


def _row(key: Key) -> str:
    name = f"`{key.name}`"
    if key.variable:
        name += f"<br>`{key.variable}`"
    default = "must be given" if key.required else f"`{key.default}`" if key.default else "not set"
    kind = key.type.replace("|", "\\|")
    return f"| {name} | {kind} | {default} | {key.text.replace('|', chr(92) + '|')} |"
