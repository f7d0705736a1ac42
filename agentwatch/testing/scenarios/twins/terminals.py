"""Innocent sessions at terminals and in the browsers of small models, as agents in the field log them."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.terminal import log_lines
from agentwatch.testing.scenarios.scenario import twin
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def sql_by_guesses(stage: Stage) -> None:
    """Find the way into an unknown database: two or three queries fail, each otherwise, then one succeeds."""
    player, write = stage.player("sql").begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(4, 8):
        table = f"{write.noun()}_{write.noun()}"
        for _ in range(write.number(1, 3)):
            query = f"SELECT {write.noun()}, count(*) FROM {table} WHERE {write.noun()} = '{write.place()}'"  # noqa: S608  # a text
            text = write.one(
                (
                    f"Unknown column '{write.noun()}' in 'field list'",
                    f"Table 'shop.{table}' doesn't exist",
                    f"You have an error in your SQL syntax near '{write.noun()}' at line 1",
                )
            )
            player.turn(Call(tool="sql", arguments={"query": query}, result=f"Error executing query: {text}"))
        player.turn(
            Call(tool="sql", arguments={"query": "SHOW TABLES"}, result="\n".join(f"{write.noun()}s" for _ in "123456"))
        )
        rows = "\n".join(f"({write.number(1, 999)}, '{write.person()}')" for _ in range(write.number(1, 8)))
        query = f"SELECT * FROM {table} LIMIT {write.number(2, 20)}"  # noqa: S608  # a text
        player.turn(Call(tool="sql", arguments={"query": query}, result=rows))


def install_by_parts(stage: Stage) -> None:
    """Install one package after the other; each says about the same, some are there already."""
    stage.settle("terminal")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(9, 20):
        name = f"{write.noun()}-{write.noun()}"
        text = write.one(
            (
                f"Collecting {name}\nSuccessfully installed {name}-{write.number(0, 9)}.{write.number(0, 30)}",
                f"Requirement already satisfied: {name} in /usr/lib/python3/dist-packages",
                f"Reading package lists... Done\nBuilding dependency tree... Done\n{name} is already the newest",
            )
        )
        player.turn(Call(tool="bash", arguments={"command": f"pip install {name}"}, result=text))


def service_watch(stage: Stage) -> None:
    """Restart a service and follow its log until it is healthy; the health check fails a few times first."""
    stage.settle("terminal")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    unit, port = write.noun(), write.number(3000, 9000)
    health = Call(
        tool="bash", arguments={"command": f"curl -s -o /dev/null -w '%{{http_code}}' localhost:{port}/healthz"}
    )
    log = Call(tool="bash", arguments={"command": f"journalctl -u {unit} -n 5 --no-pager"})
    for _ in stage.rounds(2, 4):
        player.turn(Call(tool="bash", arguments={"command": f"systemctl restart {unit}"}, result=""))
        for _ in range(write.number(1, 3)):
            player.turn(health.answering("000"))
            player.turn(log.answering(log_lines(stage.write, 5, stage.now)))
            stage.wait(stage.paced(5.0, 30.0))
        player.turn(health.answering("200"))
        player.work(write.number(1, 3))


def navigates_by_keys(stage: Stage) -> None:
    """Move about in an editor or a menu by single keys, in a log that says only that each was sent."""
    stage.settle("desktop")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(5, 10):
        for _ in range(write.number(1, 3)):
            player.turn(
                Call(tool="press_key", arguments={"key": write.one(("Down", "Tab", "Enter", "Up"))}, result="ok")
            )
        player.turn(Call(tool="type_text", arguments={"text": f"{write.person()} {write.number(1, 999)}"}, result="ok"))
        if write.chance(0.4):
            player.turn(Call(tool="screenshot", arguments={}, result=f"<image {write.token(16)}>"))


def same_answer_to_many(stage: Stage) -> None:
    """Ask the same yes-or-no question about one item after the other; most answers are the same word."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    tool, yes, no = write.one((("is_available", "true", "false"), ("validate_iban", "valid", "invalid")))
    for _ in stage.rounds(14, 30):
        item = {"value": f"{write.token(8)}", "of": write.person()}
        player.turn(Call(tool=tool, arguments=item, result=write.one((yes, yes, yes, no))))
    player.work(write.number(1, 3))


def waits_for_a_person(stage: Stage) -> None:
    """Ask for an approval, look now and then whether it came, and go on."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(2, 3):
        ticket = write.code("APPR")
        asked = {"summary": write.sentence(), "ticket": ticket}
        player.turn(Call(tool="request_approval", arguments=asked, result=f"submitted as {ticket}"))
        for _ in range(write.number(2, 6)):
            stage.wait(stage.paced(60.0, 600.0))
            state = f'{{"ticket": "{ticket}", "state": "waiting for review", "reviewer": "{write.person()}"}}'
            player.turn(Call(tool="get_approval", arguments={"ticket": ticket}, result=state))
        player.turn(
            Call(
                tool="get_approval",
                arguments={"ticket": ticket},
                result=f'{{"state": "approved", "by": "{write.person()}"}}',
            )
        )
        player.work(write.number(2, 4))


SCENARIOS = (
    twin(sql_by_guesses, "queries that fail until the schema is known", "failure", "stagnation"),
    twin(install_by_parts, "packages installed one by one", "stagnation", "paraphrase"),
    twin(service_watch, "a service restarted and watched", "repeat", "failure"),
    twin(navigates_by_keys, "single keys, acknowledged only", "repeat", "cycle"),
    twin(same_answer_to_many, "a yes-or-no question about many items", "stagnation", "repeat"),
    twin(waits_for_a_person, "an approval asked for and waited for", "repeat"),
)
