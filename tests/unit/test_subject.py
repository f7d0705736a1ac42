"""A subject is written in one way: a wish about one that is written in another would reach nobody, and is refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentwatch.config import Config
from agentwatch.errors import BadRequest
from agentwatch.records import AllowEntry, Batch, Control, Level, Tick
from agentwatch.service.composing import make_pipeline, make_rulebook
from agentwatch.service.operations import checked
from agentwatch.subject import check_pattern, check_written, covering

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(NAMES, NAMES, NAMES, NAMES, NAMES, NAMES)
def test_what_events_are_filed_under_is_written_rightly(
    tenant: str, app: str, agent: str, run: str, root: str, task: str
) -> None:
    for subject in covering(tenant, app, agent, run, root, task):
        check_written(subject)
        check_pattern(subject)


@pytest.mark.parametrize(
    ("subject", "written"),
    [
        ("default/shop/agent/my agent", "default/shop/agent/my%20agent"),
        ("default/shop/run/ä", "default/shop/run/%C3%A4"),
        ("default/shop/run/a%2fb", "default/shop/run/a%2Fb"),
        ("default/shop/run/100%", "default/shop/run/100%25"),
        ("default/shop/run/a%62", "default/shop/run/ab"),
        ("default/shop/run/a+b", None),
        ("my tenant/shop", "my%20tenant/shop"),
        ("default/shop/task/bot+a+b", None),
        ("default/shop/bot", None),
    ],
)
def test_another_way_to_write_it_is_refused_with_the_right_one(subject: str, written: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        check_written(subject)
    assert caught.value.field == "subject"
    assert written is None or f"is written {written!r}" in caught.value.reason
    with pytest.raises(BadRequest) as caught:
        check_pattern(subject)
    assert caught.value.field == "pattern"


@pytest.mark.parametrize("glob", ["default/shop/agent/my *", "*ä*", "default/shop/{a,b}*", "a*\n"])
def test_a_glob_that_fits_nobody_is_refused(glob: str) -> None:
    with pytest.raises(BadRequest, match="fits no subject"):
        check_pattern(glob)


def test_a_wish_about_nobody_is_refused_wherever_it_comes_from() -> None:
    subject = "default/shop/agent/my agent"
    kill = Control(id="one", kind="decide", at=100.0, author="olivia", subject=subject, level=Level.kill)
    entry = AllowEntry(pattern=subject, author="olivia", comment="x", created_at=100.0, expires_at=200.0)
    allow = Control(id="two", kind="allow_add", at=100.0, author="olivia", entry=entry)
    silence = msgspec.structs.replace(allow, id="three", kind="silence_add")
    path = make_pipeline(Config(), make_rulebook(Config(), {}), None)
    for at, control in enumerate((kill, allow, silence)):
        with pytest.raises(BadRequest, match="my%20agent"):
            checked(control)
        assert path.step(Batch(Tick(100.0), controls=((f"100000-{at}", control),))).decisions == ()
        ((_, answer),) = path.answers
        assert isinstance(answer, BadRequest)
    assert path.ledgers.gate.allow.entries(100.0) == ()
