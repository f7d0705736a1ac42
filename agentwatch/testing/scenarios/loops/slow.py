"""Loops that take hours and days: one round a heartbeat or a run."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]

HOUR = 3600.0


def document_hourly(stage: Stage) -> None:
    """Summarise the same document every hour for a week, each time in a run of its own."""
    stage.settle("office")
    write = stage.write
    agent, document = write.one(stage.place.agents), f"{write.noun()}-{write.noun()}.pdf"
    digest = write.token(16)
    text, gist = write.prose(14, 24), write.prose(4, 7)
    task = f"summarise/{document}" if stage.style.ends else ""
    for at in range(24 * 7 if stage.pace == "slow" else 60):
        player = stage.player(agent, task=task, trigger=write.one(("schedule", "schedule", None)))
        if at:
            stage.mark()
        player.begin(f"Summarise the attached document {document} for the management.")
        if write.chance(0.5):
            player.call(Call(tool="read_document", arguments={"document": document}, result=text))
        opening = write.one(("Summary:", "Here is the summary.", "In short:", f"Summary of {document}:", "Key points:"))
        sentences = gist.split(". ")
        if write.chance(0.5):
            place = write.number(0, len(sentences) - 2)
            sentences[place], sentences[place + 1] = sentences[place + 1], sentences[place]
        player.context += 12_000
        player.say(
            f"{opening} {'. '.join(sentences)}",
            told=f"Summarise the attached document {document} for the management.",
            documents=[digest],
        )
        player.end()
        stage.wait(HOUR, 0.05)


def heartbeat_zombie(stage: Stage) -> None:
    """Look at each heartbeat at the one item that is stuck, and do nothing about it."""
    write = stage.write
    agent, every = write.one(stage.place.agents), stage.paced(600.0, 1800.0)
    call = stage.place.lookup(write)
    item = write.code("ITEM")
    says = [
        f"{item} is still waiting for {write.person()}. {one} {write.sentence()}"
        for one in ("I will check again later.", "No action taken.", "Nothing to do now.")
    ]
    one_run = write.chance(0.4)
    player = None
    for at in range(write.number(30, 60)):
        if player is None or not one_run:
            player = stage.player(agent, trigger="schedule", interval_s=every)
            player.begin("Heartbeat: look at the open items and go on with them.")
        else:
            player.event(op="heartbeat")
        player.context = write.number(38_000, 64_000)
        if at:
            stage.mark()
        player.turn(call)
        player.think(write.one(says))
        if not one_run:
            player.end()
        stage.wait(every, 0.03)


def unattended_heartbeat(stage: Stage) -> None:
    """Declare one beat in half an hour and beat every half minute, each at the price of the whole context."""
    stage.require(usage=True)
    write = stage.write
    agent, every = write.one(stage.place.agents), stage.paced(20.0, 90.0)
    player = stage.player(agent, trigger="schedule", interval_s=1800.0)
    player.begin("Read HEARTBEAT.md and follow it. If nothing needs attention, answer HEARTBEAT_OK.")
    player.work(2)
    for at in range(write.number(40, 80)):
        if at:
            stage.mark()
        player.event(op="heartbeat")
        player.context = write.number(52_000, 70_000)
        player.say(
            write.one(
                (
                    "HEARTBEAT_OK",
                    f"HEARTBEAT_OK {write.sentence()}",
                    f"Checked the {write.noun()}: nothing to do. HEARTBEAT_OK",
                )
            )
        )
        stage.wait(every, 0.3)


SCENARIOS = (
    loop(document_hourly, "the same document summarised every hour for a week", "slow"),
    loop(heartbeat_zombie, "the same stuck item at each heartbeat", "slow", "restart"),
    loop(unattended_heartbeat, "beats far faster than declared, nobody there", "unattended"),
)
