"""Innocent talk between agents in which one of them says the same again to something new."""

from agentwatch.testing.scenarios.scenario import twin
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def approver(stage: Stage) -> None:
    """Approve one new piece after the other in the same few sentences."""
    write = stage.write
    author = stage.player("author").begin(stage.place.task(write))
    one_run = write.chance(0.5)
    judge = stage.player("approver", run=author.run) if one_run else stage.player("approver", parent=author)
    says = [f"{write.one(('Approved.', 'Looks good to me.', 'No objections.'))} {write.sentence()}" for _ in range(2)]
    for at in range(write.number(10, 24)):
        piece = f"Section {at + 1}: {write.prose(2, 6)}"
        author.send("approver", piece)
        if write.chance(0.5):
            judge.say(write.one(says), told=piece if stage.style.told != "none" else None)
        else:
            judge.send("author", write.one(says))


def moderated_talk(stage: Stage) -> None:
    """Name the next speaker in a round of experts who think aloud and call no tools."""
    write = stage.write
    chair = stage.player("moderator").begin(stage.place.task(write))
    names = ("economist", "engineer", "lawyer", "critic")[: write.number(2, 4)]
    cast = {name: stage.player(name, run=chair.run) for name in names}
    frame = f"Thank you. {write.sentence()} Please keep it short and build on what was said. The floor is yours,"
    for at in range(write.number(14, 30)):
        name = names[at % len(names)] if write.chance(0.7) else write.one(names)
        chair.say(f"{frame} {name}." if write.chance(0.7) else f"Next speaker: {name}")
        lead = write.one(("I agree with that.", "One more point:", "On the other hand:", "From my side:", ""))
        cast[name].say(f"{lead} {write.prose(1, 5)}")


def status_round(stage: Stage) -> None:
    """Ask each worker for its state in the same words, round after round; each tells what it did since."""
    write = stage.write
    lead = stage.player("lead").begin(stage.place.task(write))
    team = [stage.player(name, parent=lead) for name in ("alpha", "beta", "gamma")]
    for _ in stage.rounds(5, 10):
        for worker in team:
            lead.send(worker.agent, "Please report your progress and any blockers since the last round.")
            worker.work(write.number(1, 3))
            worker.send("lead", f"Done since: {write.prose(1, 2)} No blockers.")
        stage.wait(stage.paced(5.0, 120.0))


SCENARIOS = (
    twin(approver, "new pieces approved in the same words", "monologue", "pingpong"),
    twin(moderated_talk, "experts who speak in turn, named by a moderator", "monologue", "cycle", "pingpong"),
    twin(status_round, "workers asked for their state, round after round", "monologue", "pingpong"),
)
