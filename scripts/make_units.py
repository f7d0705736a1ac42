"""The unit for more workers on one machine, made from the unit for one, so that their sandboxes cannot part."""

from pathlib import Path

__all__ = ["worker_unit"]

_CHANGES = (
    (
        "# The daemon. Install: docs/install.md. Site settings belong into agentwatch.service.d/, never into this "
        "file.\n",
        "# More workers on one machine, beside or in place of agentwatch.service: `systemctl enable --now\n"
        "# agentwatch@1 agentwatch@2`. They share the partitions of one Redis, so `redis.url` must be set: see\n"
        "# docs/capacity.md. Made from agentwatch.service by `make docs`; site settings: agentwatch@.service.d/.\n",
    ),
    ("and shows why\n", "and shows why (worker %i)\n"),
    ("StateDirectory=agentwatch\n", "StateDirectory=agentwatch/worker-%i\n"),
    (
        "Environment=LC_ALL=",
        "# the port of docs is the first daemon's; a worker takes a free one and tells the others\n"
        "Environment=AGENTWATCH_API_PORT=0\nEnvironment=LC_ALL=",
    ),
)


def worker_unit(unit: Path) -> str:
    """Write the template. Raises ValueError when the unit no longer has what is to be changed."""
    text = unit.read_text("utf-8")
    for old, new in _CHANGES:
        if text.count(old) != 1:
            raise ValueError(f"{unit.name} has {old!r} {text.count(old)} times")
        text = text.replace(old, new)
    return text
