"""Innocent work that goes in rounds: checks before changes, games, tuning, sensors, queues, lessons."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.coding import listing
from agentwatch.testing.scenarios.places.desktop import screen
from agentwatch.testing.scenarios.scenario import twin
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def check_then_create(stage: Stage) -> None:
    """Look whether a record is there already, find nothing, and create it; one record after the other."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    nothing, done = write.one(("[]", "No results found.", "")), write.one(("created", "ok", '{"ok": true}'))
    for _ in stage.rounds(10, 24):
        name, code = write.person(), write.code("CUST")
        player.turn(Call(tool="find_customer", arguments={"name": name, "city": write.place()}, result=nothing))
        made = {"name": name, "code": code, "note": write.sentence()}
        player.turn(Call(tool="create_customer", arguments=made, result=done))


def tuning(stage: Stage) -> None:
    """Train with other settings and read the score, which goes up and down."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(12, 26):
        setting = f"--lr {write.one((1, 2, 3, 5))}e-{write.number(2, 5)} --depth {write.number(2, 12)}"
        loss, accuracy = write.number(100, 900), write.number(600, 990)
        score = f"epoch 10/10 loss 0.{loss} accuracy 0.{accuracy} in {write.number(20, 90)} s"
        player.turn(Call(tool="bash", arguments={"command": f"python train.py {setting}"}, result=score))
        stage.wait(stage.paced(10.0, 60.0))


def tutor(stage: Stage) -> None:
    """Praise and ask the next question; the pupil answers, mostly right."""
    write = stage.write
    player = stage.player("tutor", trigger="human").begin(None)
    for _ in stage.rounds(14, 30):
        praise = write.one(("Well done!", "That is right, very good.", "Not quite, think again about it."))
        told = write.one((write.noun(), str(write.number(2, 900)), f"I think it is {write.noun()}", "no idea"))
        player.say(f"{praise} Next question: what is {write.number(2, 90)} times {write.number(2, 90)}?", told=told)
        stage.wait(stage.paced(6.0, 40.0), 0.5)


def queue_worker(stage: Stage) -> None:
    """Take a message from a queue, handle it, acknowledge it; now and then the queue is empty for a while."""
    player, write = stage.player("worker").begin(stage.place.task(stage.write)), stage.write
    take = Call(tool="receive_message", arguments={"queue": f"{write.noun()}-in", "max": 1})
    for _ in stage.rounds(10, 22):
        while write.chance(0.3):
            player.call(take.answering('{"messages": []}'))
            stage.wait(stage.paced(20.0, 60.0))
        handle = write.token(16)
        body = f'{{"messages": [{{"handle": "{handle}", "body": "{write.sentence()}"}}]}}'
        player.turn(take.answering(body))
        player.work(write.number(1, 2))
        player.turn(Call(tool="delete_message", arguments={"handle": handle}, result=write.one(("", "deleted"))))


def text_adventure(stage: Stage) -> None:
    """Walk about in a house: some rooms are seen again, some doors are locked, and things are found."""
    player, write = stage.player("player").begin("Find the way out of the house."), stage.write
    rooms = [f"You are in the {write.adjective()} {write.noun()} room. {write.prose(1, 2)}" for _ in range(7)]
    for _ in stage.rounds(22, 44):
        way = write.one(("go north", "go south", "go east", "go west", "look", f"take {write.noun()}"))
        seen = write.one((write.one(rooms), f"{write.one(rooms)} There is a {write.adjective()} {write.noun()} here."))
        if way.startswith("take"):
            seen = write.one(("Taken.", f"You now hold the {write.noun()}."))
        elif write.chance(0.15):
            seen = "The door is locked."
        player.turn(Call(tool="act", arguments={"command": way}, result=seen))


def spreadsheet(stage: Stage) -> None:
    """Fill a sheet cell by cell and look at it now and then; each write is acknowledged alike."""
    stage.settle("office")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    for row in range(2, write.number(8, 14)):
        for column in "ABC"[: write.number(2, 3)]:
            value = write.one((write.person(), write.place(), f"{write.number(1, 9999)}", write.noun()))
            put = {"sheet": "Sheet1", "cell": f"{column}{row}", "value": value}
            player.turn(Call(tool="set_cell", arguments=put, result="Cell updated."))
        if row % 4 == 0:
            seen = "\n".join(f"{write.person()},{write.place()},{write.number(1, 999)}" for _ in range(row))
            player.turn(Call(tool="read_range", arguments={"range": f"A1:C{row}"}, result=seen))


def scroll_for_it(stage: Stage) -> None:
    """Scroll down a long page for one thing: the same call, and a screen that overlaps the last one."""
    stage.settle("desktop")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    lines = screen(write, 90).split("\n")
    scroll = Call(tool="computer", arguments={"action": "scroll", "coordinate": [640, 400], "direction": "down"})
    step = write.number(4, 8)
    for at in range(0, 70, step):
        player.turn(scroll.answering("\n".join([lines[0], *lines[1 + at : 13 + at]])), write.one(("Not yet.", None)))
    player.work(write.number(1, 3))


def compile_errors(stage: Stage) -> None:
    """Build, fix the first error, build again: the same call fails with another error of the same form."""
    stage.settle("coding")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    command, path = {"command": f"cargo build -p {write.noun()}"}, write.path("rs")
    for _ in stage.rounds(7, 14):
        error = f"error[E0{write.number(100, 700)}]: cannot find `{write.noun()}_{write.noun()}` in this scope"
        where = f"  --> {path}:{write.number(3, 400)}:{write.number(1, 60)}"
        text = f"{error}\n{where}\n{listing(write, 3)}\nerror: could not compile due to 1 previous error"
        player.turn(Call(tool="bash", arguments=command, result=text, status="error", error="exit status 101"))
        new = {"path": path, "old_str": listing(write, 1), "new_str": listing(write, 2)}
        player.turn(Call(tool="edit_file", arguments=new, result=f"The file {path} has been edited."))
    player.turn(Call(tool="bash", arguments=command, result="Finished `dev` profile in 9.31s"))


SCENARIOS = (
    twin(check_then_create, "records looked for, not found, created", "stagnation"),
    twin(tuning, "training runs with other settings", "repeat", "stagnation"),
    twin(tutor, "questions, praise and answers", "monologue"),
    twin(queue_worker, "messages taken from a queue that is empty now and then", "repeat", "cycle"),
    twin(text_adventure, "rooms seen again and locked doors", "repeat", "stagnation"),
    twin(spreadsheet, "cells filled one by one", "paraphrase", "repeat"),
    twin(scroll_for_it, "scrolling down a page that overlaps", "repeat", "context"),
    twin(compile_errors, "one compile error after the other", "failure"),
)
