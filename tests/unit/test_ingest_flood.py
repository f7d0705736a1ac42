"""What is shed follows from times and order alone, and is bounded."""

from hypothesis import given
from hypothesis import strategies as st

from agentwatch.ingest.flood import Flood, FloodOptions
from agentwatch.records import Event

OPTIONS = FloodOptions(events_per_s=1.0, window_s=10, max_apps=3)  # ten for all together, then ten for each


def event(app: str, tenant: str = "t") -> Event:
    return Event(agent="a", tenant=tenant, app=app)


def feed(flood: Flood, apps: str, at: float = 1000.0) -> str:
    """Give the apps' letters back, those that were shed in capitals."""
    shed = flood.take([event(app) for app in apps], [f"{int(at * 1000)}-{n}" for n in range(len(apps))])
    return "".join(app.upper() if place in shed else app for place, app in enumerate(apps))


def test_nobody_is_shed_while_all_together_stay_below_the_rate():
    flood = Flood(OPTIONS)
    assert feed(flood, "a" * 10) == "a" * 10
    assert len(flood) == 0


def test_a_flood_is_shed_for_its_own_app_alone():
    flood = Flood(OPTIONS)
    assert feed(flood, "a" * 20 + "abababab") == "a" * 20 + "AbAbAbAb"
    assert flood.shedding() == {"t/a": 4}
    assert flood.total == 4
    assert feed(flood, "aab", at=1010.0) == "aab"
    assert flood.shedding() == {"t/a": 4}, "told until somebody floods again"


def test_apps_of_one_name_and_two_tenants_are_two():
    flood = Flood(OPTIONS)
    feed(flood, "a" * 20)
    assert flood.take([event("a"), event("a", "u")], ["1000000-20", "1000000-21"]) == {0}


def test_more_apps_than_are_counted_share_one_count():
    flood = Flood(OPTIONS)
    told = feed(flood, "x" * 10 + "abc" + "defghijklm" + "nop" + "abc")
    assert told == "x" * 10 + "abc" + "defghijklm" + "NOP" + "abc"
    assert len(flood) == 4
    assert flood.unnamed == 13
    assert flood.shedding() == {"(others)": 3}


def test_no_limit_sheds_nobody():
    flood = Flood(FloodOptions(events_per_s=0))
    assert feed(flood, "a" * 1000) == "a" * 1000


@given(st.text("abcde", max_size=200), st.lists(st.integers(1, 40), min_size=1), st.lists(st.integers(0, 9)), st.data())
def test_batches_and_restarts_make_no_difference(apps, sizes, steps, data):
    times = [1000.0 + sum(steps[: at // 10]) for at in range(len(apps))]
    positions = [f"{int(at * 1000)}-{n}" for n, at in enumerate(times)]
    events = [event(app) for app in apps]
    whole = Flood(OPTIONS).take(events, positions)
    flood, shed, at = Flood(OPTIONS), set(), 0
    while at < len(events):
        size = data.draw(st.sampled_from(sizes))
        shed |= {at + place for place in flood.take(events[at : at + size], positions[at : at + size])}
        at += size
        if data.draw(st.booleans()):
            state, flood = flood.snapshot(), Flood(OPTIONS)
            flood.restore(state)
    assert shed == whole
