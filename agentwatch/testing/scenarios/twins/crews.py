"""Innocent work of several agents or with people."""

from collections.abc import Callable

from agentwatch.testing.scenarios.scenario import twin
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def map_reduce(stage: Stage) -> None:
    """Start a child for each of 200 items, as was asked for, and gather what they bring."""
    write = stage.write
    root = stage.player("mapper", trigger="human")
    count = 200
    root.begin(
        f"Extract the key facts from each of the {count} attached {write.noun()} documents, "
        "one sub-agent a document, then write one table."
    )
    root.work(1)
    frame = f"Extract the key facts about {write.noun()} and {write.noun()} from document"
    begun, facts = stage.now, []
    for at in range(count):
        stage.now = begun + at * stage.paced(0.8, 6.0)
        child = root.spawn(
            "extractor", f"{frame} {at + 1}: {write.noun()}-{write.noun()}-{at + 1}.pdf. {write.prose(1, 3)}"
        )
        facts.append(f"Facts of {at + 1}: {write.prose(1, 3)}")
        child.say(facts[-1], told=write.prose(2, 4))
        child.end()
    root.say(f"All {count} are in. {write.prose(3, 6)}", told="\n".join(facts))


def delegation(stage: Stage) -> None:
    """Give different pieces of a task to a few children and use their results."""
    write = stage.write
    root = stage.player("lead").begin(stage.place.task(write))
    for _ in stage.rounds(4, 8):
        root.think(write.thought())
        child = root.spawn(write.one(stage.place.agents), stage.place.task(write))
        child.work(write.number(3, 6))
        answer = write.prose(2, 4)
        child.think(answer)
        child.end()
        root.told(answer)
        root.work(1)


def orchestrator_chatter(stage: Stage) -> None:
    """Let an orchestrator fill in its ledger and name the next speaker, while the workers get on."""
    stage.settle("research")
    write = stage.write
    boss = stage.player("Orchestrator").begin(stage.place.task(write))
    names, one_run = ("WebSurfer", "FileSurfer", "Coder"), write.chance(0.5)
    reasons_vary, report = write.chance(0.5), ""
    team = {name: stage.player(name, run=boss.run) if one_run else stage.player(name, parent=boss) for name in names}
    for _ in stage.rounds(10, 18):
        name = write.one(("WebSurfer", "WebSurfer", "WebSurfer", "FileSurfer", "Coder"))
        why = write.sentence() if reasons_vary and write.chance(0.5) else "The request has not been satisfied yet."
        satisfied = f'"is_request_satisfied": {{"answer": false, "reason": "{why}"}}'
        asked = f'"is_in_loop": {{"answer": false}}, "next_speaker": {{"answer": "{name}"}}'
        told = report if stage.style.told != "none" else None
        boss.say(f'{{{satisfied}, "is_progress_being_made": {{"answer": true}}, {asked}}}', told=told)
        boss.say(f"Next speaker {name}")
        boss.send(
            name,
            write.one(
                (
                    f"Please look for the {write.noun()} of {write.company()}.",
                    "Please continue with the next step.",
                    f"Open {write.url()} and report.",
                )
            ),
        )
        team[name].work(write.number(1, 2))
        report = write.prose(1, 4)
        team[name].send("Orchestrator", report)


def helpdesk_chat(stage: Stage) -> None:
    """Talk with a person who has one question after the other; many answers begin alike."""
    stage.settle("helpdesk")
    write = stage.write
    player = stage.player(trigger="human").begin(None)
    for _ in stage.rounds(10, 20):
        asked = write.one(
            (
                f"And what about my {write.noun()}? {write.sentence()}",
                write.prose(1, 2),
                "yes",
                "ok thanks",
                f"no, the {write.adjective()} one",
                f"My number is {write.code('ORD')}.",
            )
        )
        if write.chance(0.5):
            player.told(asked)
            player.turn(stage.place.work(write), "Let me look that up for you.")
            asked = ""
        close = write.one((" Is there anything else I can help you with?", ""))
        player.say(f"Thank you for your patience. {write.sentence()}{close}", told=asked or None)
        stage.wait(stage.paced(10.0, 60.0), 0.6)


def planning_progress(stage: Stage) -> None:
    """Plan between three agents; each message adds something."""
    write = stage.write
    first = stage.player("planner").begin(stage.place.task(write))
    cast = [first, stage.player("architect", parent=first), stage.player("tester", parent=first)]
    for at in range(write.number(18, 36)):
        to = cast[(at + 1) % 3].agent
        lead = write.one(("Agreed.", "Good point.", "I would add this:", "One concern:", "Next step:"))
        cast[at % 3].send(to, f"{lead} {write.prose(1, 4)}")
        if write.chance(0.2):
            cast[at % 3].work(1)


def polite_end(stage: Stage) -> None:
    """Thank each other a few times at the end of shared work, and stop."""
    write = stage.write
    first = stage.player("buyer").begin(stage.place.task(write))
    other = stage.player("seller", parent=first)
    for _ in stage.rounds(4, 8):
        first.send("seller", write.prose(1, 3))
        other.send("buyer", write.prose(1, 3))
    for text, back in (
        ("Thank you, that is settled then.", "You're welcome!"),
        ("Thanks again.", "My pleasure. Goodbye."),
    ):
        first.send("seller", text)
        other.send("buyer", back)


def long_list_output(stage: Stage) -> None:
    """Answer with a long list, table or code whose lines begin alike."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    player.work(write.number(2, 5))
    makers: tuple[Callable[[int], str], ...] = (
        lambda at: f"- https://docs.{write.company().lower()}.example/reference/{write.noun()}/{write.noun()}-{at}",
        lambda at: f"| {at} | {write.company()} | {write.place()} | {write.number(1, 9999)} | open |",
        lambda at: (
            f"    assert convert({write.number(1, 9999)}, '{write.noun()}') == {write.number(1, 9999)}  # case {at}"
        ),
        lambda at: f'  {{"id": {at}, "name": "{write.noun()}", "type": "item", "active": true, "owner": null}},',
        lambda at: f"({at}, '{write.person()}', '{write.place()}', NULL),",
    )
    for _ in stage.rounds(1, 3):
        line = write.one(makers)
        player.say(
            "\n".join(line(at) for at in range(1, write.number(60, 160))), output_tokens=write.number(2500, 8000)
        )
        player.work(write.number(1, 3))


def work_delivered_badly(stage: Stage) -> None:
    """Work honestly, while the events come twice, out of order and misdated."""
    for _ in stage.rounds(1, 2):
        player = stage.player().begin(stage.place.task(stage.write))
        player.work(stage.write.number(18, 32))
        player.end()
    stage.twice, stage.swapped, stage.skew_s = 0.3, 0.2, stage.write.number(0, 10)


SCENARIOS = (
    twin(map_reduce, "200 children that were asked for", "spawn", alone=True),
    twin(delegation, "different pieces given to children", "spawn"),
    twin(orchestrator_chatter, "ledgers and next speakers, and work between", "monologue", "pingpong"),
    twin(helpdesk_chat, "a conversation with a person", "monologue", "paraphrase"),
    twin(planning_progress, "three agents that get on with a plan", "pingpong"),
    twin(polite_end, "thanks at the end of shared work", "pingpong"),
    twin(long_list_output, "a long list whose lines begin alike", "degenerate"),
    twin(work_delivered_badly, "honest work, delivered badly", "repeat"),
)
