"""Innocent repetition over many different things: pages, files, items, forms, segments."""

from agentwatch.testing.scenarios.call import Call
from agentwatch.testing.scenarios.places.coding import listing
from agentwatch.testing.scenarios.places.desktop import click, screen
from agentwatch.testing.scenarios.scenario import twin
from agentwatch.testing.scenarios.stage import Stage

__all__ = ["SCENARIOS"]


def pagination(stage: Stage) -> None:
    """Page through a list to its end."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    tool, target, cursor = f"list_{write.noun()}s", f"{write.noun()}", ""
    for at in range(write.number(15, 35)):
        items = "\n".join(
            f"{write.code('ROW')} {write.person()} {write.place()} {write.adjective()}"
            for _ in range(write.number(6, 12))
        )
        arguments = {"of": target, "page": at + 1} if stage.style.call_ids else {"of": target, "cursor": cursor}
        cursor = write.token(12)
        player.turn(Call(tool=tool, arguments=arguments, result=f"{items}\nnext: {cursor}"))
    player.turn(Call(tool=tool, arguments={"of": target, "cursor": cursor}, result="[]"))
    player.work(write.number(1, 4))


def batch_same_result(stage: Stage) -> None:
    """Do the same to many files; each is acknowledged alike."""
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    answer = write.one(("ok", "", "done", '{"ok": true}', "File updated."))
    tool, field = write.one(
        (
            ("add_license_header", "path"),
            ("move_file", "source"),
            ("resize_image", "file"),
            ("set_permission", "target"),
        )
    )
    extra = {"mode": write.adjective()}
    for _ in stage.rounds(22, 45):
        player.turn(
            Call(tool=tool, arguments={field: write.path(write.one(("py", "ts", "png", "md"))), **extra}, result=answer)
        )


def batch_two_pass(stage: Stage) -> None:
    """Go through a set of files once to read and once more to check."""
    stage.settle("coding")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    files = [(write.path(), listing(write, write.number(6, 18))) for _ in range(write.number(10, 18))]
    for path, text in files:
        player.turn(Call(tool="read_file", arguments={"path": path}, result=text))
    for path, text in files:
        changed = text if write.chance(0.5) else f"{text}\n{listing(write, 2)}"
        player.turn(Call(tool="read_file", arguments={"path": path}, result=changed))
        if write.chance(0.4):
            player.turn(
                Call(
                    tool="edit_file",
                    arguments={"path": path, "new_str": listing(write, 2)},
                    result="The file has been edited.",
                )
            )


def data_entry(stage: Stage) -> None:
    """Put records into a form, field by field, and submit each."""
    stage.settle("desktop")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    form, saved = screen(write, 7), screen(write, 4)
    fields = [f"{write.noun()} {write.noun()}" for _ in range(write.number(2, 4))]
    for _ in stage.rounds(7, 14):
        for name in fields:
            value = write.one(
                (write.person(), write.code("NR"), f"{write.number(1, 9999)}.{write.number(10, 99)}", write.place())
            )
            player.turn(
                Call(
                    tool="fill_field",
                    arguments={"field": name, "value": value},
                    result=write.one(("filled", "ok", "filled")),
                )
            )
        record = write.code("REC")
        player.turn(
            Call(
                tool="click_element", arguments={"element": "Save"}, result=f"{saved}\n  status 'record {record} saved'"
            )
        )
        player.turn(Call(tool="click_element", arguments={"element": "New record"}, result=form))


def form_by_screen(stage: Stage) -> None:
    """Fill a long form by clicks on changing screens."""
    stage.settle("desktop")
    player, write = stage.player().begin(stage.place.task(stage.write)), stage.write
    frame = screen(write, 6)
    for at in range(write.number(14, 26)):
        player.turn(click(write, f"{frame}\n  textbox '{write.noun()} {write.noun()}' focused\n  step {at + 1}"))
        player.turn(
            Call(
                tool="computer",
                arguments={"action": "type", "text": write.person()},
                result=f"{frame}\n  textbox '{write.noun()}' = '{write.person()}'",
            )
        )


def code_review(stage: Stage) -> None:
    """Review file after file; many get the same short remark."""
    stage.settle("coding")
    player, write = stage.player("reviewer").begin(stage.place.task(stage.write)), stage.write
    for _ in stage.rounds(14, 28):
        path = write.path()
        player.turn(Call(tool="get_diff", arguments={"file": path}, result=listing(write, write.number(8, 24))))
        verdict = "No issues found in this file." if write.chance(0.6) else f"Suggestion: {write.sentence()}"
        player.turn(
            Call(tool="post_review_comment", arguments={"file": path, "body": verdict}, result="comment posted"),
            verdict,
        )


def translation_batch(stage: Stage) -> None:
    """Translate segment after segment into the same JSON frame."""
    write = stage.write
    player = stage.player("translator").begin("Translate each segment into German; answer with JSON only.")
    for at in range(write.number(22, 40)):
        source, made = write.sentence(), write.sentence()
        player.say(
            f'{{"segment": {at + 1}, "language": "de", "translation": "{made}", "status": "translated"}}',
            told=f"Segment {at + 1}: {source}",
        )


def classifier(stage: Stage) -> None:
    """Put one label of three on each of many different items, under the same instructions."""
    write = stage.write
    player = stage.player("classifier")
    frame = f"Classify the message as spam, question or order. Answer with one word. {write.sentence()} Message: "
    for _ in stage.rounds(30, 60):
        player.say(write.one(("spam", "question", "question", "order")), told=f"{frame}{write.prose(1, 3)}")


SCENARIOS = (
    twin(pagination, "a list paged through to its end", "stagnation"),
    twin(batch_same_result, "the same done to many files, acknowledged alike", "stagnation"),
    twin(batch_two_pass, "files gone through twice", "repeat", "cycle"),
    twin(data_entry, "records put into a form", "cycle", "repeat"),
    twin(form_by_screen, "a long form by clicks", "cycle"),
    twin(code_review, "file after file reviewed", "monologue", "stagnation"),
    twin(translation_batch, "segments translated into one frame", "paraphrase", "monologue"),
    twin(classifier, "one word each for many items", "monologue", "slow"),
)
