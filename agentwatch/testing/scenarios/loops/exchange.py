"""Loops between agents that answer each other."""

from agentwatch.testing.scenarios.player import Player
from agentwatch.testing.scenarios.scenario import loop
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]

_THANKS = (
    *(
        "Thank you, that is perfect.",
        "You're welcome! Let me know if anything else comes up.",
        "Thanks again for the help!",
    ),
    *(
        "Glad to help. I am here if you need more.",
        "Great, I appreciate it.",
        "Likewise, it was a pleasure.",
        "Understood, thanks for confirming.",
    ),
    *("Confirmed on my side as well.", "Acknowledged. Standing by.", "Noted, thank you for the acknowledgement."),
)


def _cast(stage: Stage, names: tuple[str, ...]) -> list[Player]:
    """Bring agents on that share one tree, after some work of the first."""
    first = stage.player(names[0]).begin(stage.place.task(stage.write))
    first.work(stage.write.number(1, 4))
    return [first, *(stage.player(name, parent=first) for name in names[1:])]


def two_agents_thank(stage: Stage) -> None:
    """Thank each other without an end."""
    cast = _cast(stage, ("buyer", "seller"))
    subject = f"{stage.write.adjective()} {stage.write.noun()}"
    for at in range(stage.write.number(44, 70)):
        if at >= 4:
            stage.mark()
        text = stage.write.one(_THANKS)
        cast[at % 2].send(
            cast[(at + 1) % 2].agent, f"{text} The {subject} is settled." if stage.write.chance(0.4) else text
        )


def two_agents_wait(stage: Stage) -> None:
    """Tell each other that it is the other's turn."""
    cast = _cast(stage, ("planner", "executor"))
    write = stage.write
    item = f"{write.noun()} {write.noun()}"
    mine = (
        f"I am ready to start once you send me the {item}.",
        f"Waiting for the {item} from you before I can go on.",
        f"Please send the {item}; I will begin right after.",
    )
    yours = (
        f"You already have everything for the {item}; please go ahead.",
        f"Please proceed with the {item} as discussed.",
        f"Go ahead with the {item}, I am waiting for your result.",
    )
    for at in range(write.number(40, 64)):
        if at >= 2:
            stage.mark()
        cast[at % 2].send(cast[(at + 1) % 2].agent, write.one((mine, yours)[at % 2]))


def three_agent_ring(stage: Stage) -> None:
    """Pass one request round a ring of three."""
    names = ("intake", "router", "resolver")
    cast, write = _cast(stage, names), stage.write
    case = write.code("CASE")
    why = [f"{write.noun()} {write.noun()}" for _ in range(3)]
    for at in range(write.number(48, 75)):
        if at >= 3:
            stage.mark()
        to = names[(at + 1) % 3]
        text = write.one(
            (
                f"{case} belongs to {to}, it concerns the {why[at % 3]}.",
                f"Handing {case} over to {to} because of the {why[at % 3]}.",
                f"Not mine: {case} is for {to} ({why[at % 3]}).",
            )
        )
        cast[at % 3].send(to, text)


def critic_never_satisfied(stage: Stage) -> None:
    """Submit about the same draft to a critic who says about the same of it."""
    cast, write = _cast(stage, ("writer", "critic")), stage.write
    draft, remark = write.prose(5, 8).split(". "), write.prose(2, 3)
    for at in range(write.number(14, 22)):
        if at:
            stage.mark()
        told = list(draft)
        told[write.number(0, len(told) - 1)] = write.sentence().rstrip(".")
        cast[0].send("critic", f"{write.one(('Revised draft:', 'New version:', 'Please review:'))} {'. '.join(told)}")
        cast[1].send("writer", f"{write.one(('Not yet.', 'Still not good enough.', 'Needs work.'))} {remark}")


SCENARIOS = (
    loop(two_agents_thank, "two agents thank each other", "pingpong", "monologue"),
    loop(two_agents_wait, "each says that it is the other's turn", "pingpong", "monologue"),
    loop(three_agent_ring, "a request goes round a ring of three", "pingpong", "monologue"),
    loop(critic_never_satisfied, "about the same draft, about the same remarks", "pingpong", "monologue"),
)
