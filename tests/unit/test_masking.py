"""No secret of a configuration is shown."""

import pytest

from agentwatch.masking import masked


@pytest.mark.parametrize(
    ("tree", "shown"),
    [
        ({"redis": {"password": "s3cret"}}, {"redis": {"password": "•••"}}),
        ({"redis": {"password": "credential:redis"}}, {"redis": {"password": "credential:redis"}}),
        ({"redis": {"password": ""}}, {"redis": {"password": ""}}),
        ({"redis": {"url": "redis://me:s3cret@db/0"}}, {"redis": {"url": "redis://•••@db/0"}}),
        ({"redis": {"url": "redis://db/0"}}, {"redis": {"url": "redis://db/0"}}),
        (
            {"receivers": [{"name": "ops", "url": "https://hooks.example/T0/s3cret", "secret": "s3cret"}]},
            {"receivers": [{"name": "ops", "url": "https://•••", "secret": "•••"}]},
        ),
        ({"receivers": [{"url": "file:/etc/hook"}]}, {"receivers": [{"url": "file:/etc/hook"}]}),
        ({"port": 1, "on": True, "none": None}, {"port": 1, "on": True, "none": None}),
    ],
)
def test_secrets_are_hidden(tree: object, shown: object) -> None:
    assert masked(tree) == shown
