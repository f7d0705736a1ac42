"""What the content detectors find and what they spare, through the bank, the verdict and the ladder together."""

import random

import pytest
from msgspec.structs import replace

from agentwatch.detect.bank import Bank
from agentwatch.detect.options import DetectOptions, StateOptions
from agentwatch.policy.ladder import Ladder, LadderOptions
from agentwatch.records import Change, Level
from agentwatch.testing import Trace, observations
from agentwatch.verdict import fold

WORDS = (
    *("alpha", "report", "invoice", "region", "budget", "deploy", "metric", "cluster"),
    *("shard", "ledger", "quota", "window", "parser", "schema", "index"),
)


def text(draw, count):
    return " ".join(draw.choice(WORDS) + str(draw.randrange(1000)) for _ in range(count))


def climb(trace):
    bank, ladder, options = Bank(StateOptions()), Ladder(LadderOptions()), DetectOptions()
    moves = []
    for seen in observations(trace.events):
        scope = bank.admit(seen.event, seen.index)
        for verdict in fold(bank.observe(seen, scope, options)):
            move = ladder.climb(verdict, seen.now)
            if move is not None and move.change is Change.up:
                moves.append((seen.index, move))
    return moves


def reached(trace):
    return max((move.level for _, move in climb(trace)), default=Level.observe)


def first(trace):
    moves = climb(trace)
    return moves[0] if moves else (None, None)


@pytest.fixture
def draw():
    return random.Random(7)


def loop_same(trace, draw, gap_s=0.3):
    answer = text(draw, 20)
    for _ in range(30):
        trace.call("search", {"q": "who owns the deployment"}, answer, gap_s=gap_s)


def loop_failing(trace, draw):
    for _ in range(30):
        trace.call("shell", {"command": "make all"}, "make: no rule to make target all. stop", status="error")


def loop_error_only(trace, draw):
    for _ in range(30):
        trace.call("shell", {"command": "make all"}, None, status="error", error="no rule to make target")


def loop_wording(trace, draw):
    for _ in range(30):
        token = f"{draw.randrange(1 << 32):08x}"
        answer = f"error: the package could not be loaded from the registry, access was refused (request {token})"
        trace.call("install", {"package": "left"}, answer, status="error")


def loop_round(trace, draw, period=2):
    steps = [(f"tool{at % 3}", {"part": text(draw, 2)}, text(draw, 12)) for at in range(period)]
    for at in range(period * 14):
        trace.call(*steps[at % period])


def loop_counting(trace, draw):
    for page in range(40):
        trace.call("fetch", {"page": page}, "", status="empty")


def loop_counting_failed(trace, draw):
    for page in range(40):
        trace.call("fetch", {"id": page + 100}, "error: connection refused by the upstream host", status="error")


def loop_monologue(trace, draw):
    for _ in range(20):
        trace.say("Let me write the design document now, beginning with the introduction and the architecture.")


def loop_heartbeats(trace, draw):
    answer = text(draw, 20)
    for at in range(30):
        if at % 3 == 0:
            trace.add(op="heartbeat").say("checking", "HEARTBEAT: look after your tasks")
        trace.call("check", {}, answer)


def loop_spin(trace, draw):
    for _ in range(60):
        trace.call("status", {"job": 1}, "still running", gap_s=0.2)


KILLED = {
    "same": loop_same,
    "failing": loop_failing,
    "error only": loop_error_only,
    "wording": loop_wording,
    "round of two": loop_round,
    "round of seven": lambda trace, draw: loop_round(trace, draw, 7),
    "round of twenty": lambda trace, draw: loop_round(trace, draw, 20),
    "counting": loop_counting,
    "counting, failed": loop_counting_failed,
    "monologue": loop_monologue,
    "heartbeats between": loop_heartbeats,
    "spin": loop_spin,
}


@pytest.mark.parametrize("shape", sorted(KILLED))
def test_hard_evidence_reaches_kill(shape, draw):
    trace = Trace(gap_s=0.4)
    KILLED[shape](trace, draw)
    assert reached(trace) is Level.kill


def soft_rewording(trace, draw):
    base = text(draw, 8).split()
    for _ in range(30):
        words = list(base)
        words[draw.randrange(8)] = text(draw, 1)
        trace.call("search", {"q": " ".join(words)}, "No results found")


def soft_wandering(trace, draw):
    for _ in range(30):
        trace.call("search", {"q": text(draw, 6)}, "No results found")


def soft_unlogged(trace, draw):
    for _ in range(30):
        trace.call("write", {"uri": "wrap://file-system", "method": "writeFile", "mode": "text", "at": "end"}, None)


def soft_reworded_monologue(trace, draw):
    base = text(draw, 30).split()
    for _ in range(20):
        words = list(base)
        words[draw.randrange(30)] = text(draw, 1)
        trace.say(" ".join(words))


def soft_edit_same_error(trace, draw):
    for _ in range(8):
        trace.call("edit", {"new": text(draw, 12)}, "file edited")
        trace.call("bash", {"command": "pytest"}, "assert total(3) equals seven, test_total failed", status="error")


def soft_slow_monologue(trace, draw):
    for _ in range(30):
        trace.say("I will go on with the document now and write the next section of it.", "go on", gap_s=120)


def soft_slow_poll(trace, draw):
    for _ in range(40):
        trace.call("status", {"job": 1}, "build 7 in stage compile of the release branch", gap_s=300)


def soft_acknowledged_round(trace, draw):
    writes = [("write", {"path": text(draw, 1), "text": text(draw, 9)}, "ok") for _ in range(3)]
    for _ in range(15):
        for write in writes:
            trace.call(*write)


SOFT = {
    "slow monologue": soft_slow_monologue,
    "slow poll": soft_slow_poll,
    "acknowledged round": soft_acknowledged_round,
    "rewording": soft_rewording,
    "wandering": soft_wandering,
    "unlogged": soft_unlogged,
    "reworded monologue": soft_reworded_monologue,
    "edits, same error": soft_edit_same_error,
}


@pytest.mark.parametrize("shape", sorted(SOFT))
def test_soft_evidence_warns_and_never_kills(shape, draw):
    trace = Trace()
    SOFT[shape](trace, draw)
    assert Level.warn <= reached(trace) <= Level.pause


def fine_poll(trace, draw):
    for done in range(3, 100, 4):
        trace.call("status", {"job": 1}, f"running, {done} % done", gap_s=5)


def fine_pending(trace, draw):
    for _ in range(40):
        trace.call("status", {"job": 1}, "status: running", gap_s=30)
    trace.call("status", {"job": 1}, "finished, see out.txt")


def fine_five_minutes(trace, draw):
    for _ in range(6):
        trace.call("status", {"job": 1}, "build 7 in stage compile of the release branch", gap_s=300)


def fine_pages(trace, draw):
    for page in range(30):
        trace.call("list", {"page": page}, text(draw, 30))
    trace.call("list", {"page": 31}, "[]")


def fine_batch(trace, draw):
    for at in range(30):
        trace.call("write_file", {"path": f"src/file{at}.py", "text": text(draw, 6)}, "ok")


def fine_removals(trace, draw):
    for at in range(30):
        trace.call("bash", f"rm -f build/{text(draw, 1)}_{at}.o", "")


def fine_two_passes(trace, draw):
    files = [(text(draw, 1), text(draw, 20)) for _ in range(20)]
    for name, content in files * 2:
        trace.call("read", {"path": name}, content)


def fine_edit_and_test(trace, draw):
    for at in range(12):
        trace.call("edit", {"new": text(draw, 12)}, "ok")
        trace.call("bash", "pytest", f"{text(draw, 9)} Error: {text(draw, 6)}\n{30 - at} failed", status="error")


def fine_retry(trace, draw):
    for at in range(3):
        trace.call("fetch", {"u": "x"}, "Error 503 service unavailable", status="error", gap_s=2**at)
    trace.call("fetch", {"u": "x"}, text(draw, 30))


def fine_anchor(trace, draw):
    plan = text(draw, 40)
    for _ in range(8):
        trace.call("read", {"path": "PLAN.md"}, plan)
        for _ in range(2):
            trace.call("read", {"path": text(draw, 1)}, text(draw, 30))


def fine_parallel(trace, draw):
    for step in range(6):
        query, answer = text(draw, 4), text(draw, 20)
        for _ in range(6):
            trace.call("search", {"q": query}, answer, step=step)


def fine_orchestrator(trace, draw):
    for _ in range(25):
        trace.say("Next speaker WebSurfer", text(draw, 20), agent="orchestrator")
        trace.say("I did " + text(draw, 30), "Next speaker WebSurfer", agent="surfer")
        trace.say("Ledger: not yet satisfied because " + text(draw, 20), "go on", agent="orchestrator")


def fine_form(trace, draw):
    for at in range(25):
        trace.call("click", {"row": at}, "clicked")
        trace.call("type", {"text": text(draw, 2)}, "typed")
        trace.call("press", {"key": "Tab"}, "ok")


def fine_wizard(trace, draw):
    for _ in range(15):
        trace.call("type", {"id": draw.randrange(40), "text": text(draw, 2)}, "Typed text into element")
        trace.call("click", {"id": 42}, "Clicked element 42")


def fine_build(trace, draw):
    for at in range(20):
        trace.call("bash", "make -j4 2>&1 | tail -40", f"[{at}/400] " + text(draw, 40), gap_s=20)


def fine_people(trace, draw):
    for _ in range(20):
        trace.say("Thank you, could you give me your order number so that I can look it up?", text(draw, 10))


def fine_classifier(trace, draw):
    for _ in range(60):
        trace.say(draw.choice(["positive", "negative"]), "Classify this review in one word: " + text(draw, 30))


def fine_reviewer(trace, draw):
    for _ in range(30):
        trace.say("No issues were found in this file, it follows the guidelines.", "Review: " + text(draw, 60))


def fine_lookups(trace, draw):
    for _ in range(25):
        trace.call("exists", {"name": text(draw, 2)}, "true")


def fine_heartbeat(trace, draw):
    for _ in range(6):
        trace.say("HEARTBEAT_OK", "Follow HEARTBEAT.md; if nothing needs attention, say so.", gap_s=1800)


def fine_keys(trace, draw):
    for _ in range(4):
        trace.call("press", {"key": "Down"}, "ok")
        trace.call("press", {"key": "Space"}, "ok")


def fine_parallel_without_numbers(trace, draw):
    for _ in range(6):
        trace.say("I will search for it in several ways: " + text(draw, 9))
        query, answer = text(draw, 4), text(draw, 20)
        for _ in range(5):
            trace.call("search", {"q": query}, answer, gap_s=0.001)


def fine_critic(trace, draw):
    for _ in range(12):
        trace.say("Here is the next section: " + text(draw, 40), agent="writer")
        trace.say("Looks good, please continue with the next section of it.", agent="critic")


FINE = {name.removeprefix("fine_"): make for name, make in list(globals().items()) if name.startswith("fine_")}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", sorted(FINE))
def test_what_only_looks_like_a_loop_is_left_alone(shape, seed):
    trace = Trace()
    FINE[shape](trace, random.Random(f"{shape}/{seed}"))
    assert [(at, move.verdict.lead.reason) for at, move in climb(trace)] == []


def test_the_fourth_equal_call_warns_and_names_the_first_repetition(draw):
    trace = Trace()
    trace.call("read", {"path": "a"}, text(draw, 12))
    loop_same(trace, draw)
    at, move = first(trace)
    evidence = move.verdict.lead.evidence
    assert at == 4
    assert move.verdict.lead.kind == "repeat"
    assert (evidence.count, evidence.period, evidence.onset_index, evidence.onset_id) == (3, 1, 2, "run-1/2")
    assert evidence.event_ids == ("run-1/2", "run-1/3", "run-1/4")
    assert len(evidence.digests) == 2


def test_what_was_burned_counts_from_the_first_repetition(draw):
    trace = Trace()
    for _ in range(10):
        trace.say("I shall now write the whole of the document that you wanted from me.")
    *_, (at, move) = climb(trace)
    evidence = move.verdict.lead.evidence
    assert evidence.cost_nusd == at * 10_000_000
    assert evidence.tokens == at * 1000
    assert evidence.model == "gpt-4o"


def test_a_novel_answer_takes_evidence_away_and_a_success_empties_the_soft_part(draw):
    trace = Trace()
    for _ in range(3):
        trace.call("search", {"q": text(draw, 8)}, "error: index is not there", status="error")
        trace.call("search", {"q": text(draw, 8)}, "error: index is not there", status="error")
        trace.call("search", {"q": text(draw, 8)}, text(draw, 20))
    assert climb(trace) == []


def test_a_change_between_two_equal_calls_halves_the_evidence(draw):
    plain, changed = Trace(), Trace()
    for trace, between in ((plain, False), (changed, True)):
        for _ in range(12):
            trace.call("bash", {"command": "pytest"}, "1 failed: test_total expected seven", status="error")
            if between:
                trace.call("edit", {"new": text(draw, 9)}, "file edited")
    assert first(plain)[0] == 3
    assert first(changed)[0] > 8


def test_a_human_turn_empties_what_spoke_for_a_monologue(draw):
    trace = Trace()
    for at in range(12):
        human = {"trigger": "human"} if at % 3 == 2 else {}
        trace.say("I shall now write the whole of the document that you wanted from me.", **human)
    assert climb(trace) == []


@pytest.mark.parametrize("status", ["held", "rate_limited"])
def test_our_own_throttle_and_the_providers_are_no_evidence(status, draw):
    trace = Trace()
    for _ in range(30):
        trace.call("search", {"q": "x"}, "try later", status=status)
    assert climb(trace) == []


def test_own_effects_and_digests_of_another_key_are_no_evidence(draw):
    bank, options = Bank(StateOptions()), DetectOptions()
    trace = Trace()
    loop_same(trace, draw)
    for seen in observations(trace.events):
        mine = replace(seen, own_effect=True)
        assert bank.observe(mine, bank.admit(mine.event, mine.index), options) == []


def test_pingpong_names_the_tree(draw):
    trace = Trace()
    said = ["Please look over the latest draft for me once more.", "It looks fine, please send the latest draft again."]
    for at in range(60):
        trace.send("ab"[1 - at % 2], said[at % 2], agent="ab"[at % 2], run="ab"[at % 2], root_run="a")
    found = [move for _, move in climb(trace) if move.verdict.lead.kind == "pingpong"]
    assert found[0].subject == "default/app/root/a"
    assert found[0].verdict.lead.evidence.period == 2
    assert found[-1].level is Level.kill


def test_a_cycle_tolerates_a_foreign_step_and_tells_its_period(draw):
    steps = [(f"tool{at}", {"part": at}, text(draw, 12)) for at in range(5)]
    trace = Trace()
    for at in range(60):
        trace.call(*steps[at % 5])
        if at == 22:
            trace.call("note", {"t": "x"}, text(draw, 9))
    bank, options = Bank(StateOptions()), DetectOptions()
    found = {}
    for seen in observations(trace.events):
        for signal in bank.observe(seen, bank.admit(seen.event, seen.index), options):
            if signal.kind == "cycle":
                found[seen.index] = signal
    assert {signal.evidence.period for signal in found.values()} == {5}
    assert len(found) > 40
    assert max(found) == 60


def test_order_within_a_step_does_not_matter(draw):
    steps = [(f"tool{at}", {"part": at}, text(draw, 12)) for at in range(4)]
    trace = Trace()
    for step in range(20):
        draw.shuffle(steps)
        for one in steps:
            trace.call(*one, step=step)
    assert reached(trace) is Level.kill
