"""The table of verbs, and how failures become words and exit codes."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

from agentwatch import errors
from agentwatch.cli.failure import NotFound, explain_failure
from agentwatch.cli.root import VERBS, call, cli

HEAVY = ("httpx", "rich", "litestar", "numpy", "redis", "agentwatch.config", "agentwatch.pipeline")


def test_help_loads_no_verb() -> None:
    code = (
        "import sys\nfrom agentwatch.cli.root import call\ncall(['--help'])\n"
        "import json\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Commands:" in ran.stdout
    loaded = set(json.loads(ran.stderr))
    assert not loaded & set(HEAVY)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_there_and_says_what_it_does(verb: str) -> None:
    module, words = VERBS[verb]
    command = getattr(import_module(f"agentwatch.cli.{module}"), f"{verb}_command")
    assert isinstance(command, click.Command)
    assert command.name == verb
    assert words.endswith(".")
    assert command.help


def test_every_option_says_what_it_does() -> None:
    def walk(command: click.Command) -> None:
        for param in command.params:
            if isinstance(param, click.Option):
                assert param.help, (command.name, param.name)
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None
                walk(found)

    walk(cli)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.BadConfig("must be above 0", "ladder.warn"), 2),
        (errors.BadRequest("missing", "subject"), 2),
        (NotFound("no such run"), 1),
        (errors.StoreUnavailable("away"), 3),
        (errors.Fenced("another worker"), 3),
        (OSError(28, "No space left on device"), 3),
        (FileNotFoundError(2, "No such file or directory", "x.toml"), 2),
        (ModuleNotFoundError("No module named 'litestar'", name="litestar"), 2),
    ],
)
def test_failures_have_words_and_a_code(error: Exception, code: int) -> None:
    told = explain_failure(error)
    assert told is not None
    assert told[1] == code
    assert told[0]


def test_a_defect_keeps_its_traceback() -> None:
    assert explain_failure(KeyError("x")) is None
    assert explain_failure(ModuleNotFoundError("No module named 'agentwatch.x'", name="agentwatch.x")) is None


def test_bad_input_names_the_field(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["explain"]) == 2
    assert capsys.readouterr().err.startswith("agentwatch: subject: name a SUBJECT")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--token", "ä"], "token: is not a token"),
        (["--token", "one\ntwo"], "token: is not a token"),
        (["--token-file", "PATH"], "PATH: holds no token"),
        (["--timeout", "0"], "timeout: must be above 0"),
        (["--timeout", "-1"], "timeout: must be above 0"),
        (["--timeout", "nan"], "timeout: must be above 0"),
        (["--timeout", "inf"], "timeout: must be above 0"),
        (["--url", "http://[::1"], "url: 'http://[::1' is not an address"),
    ],
)
def test_what_no_daemon_can_be_asked_with_is_named(
    options: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "token").write_bytes(b"\xd5\x00")
    given = [str(tmp_path / "token") if word == "PATH" else word for word in options]
    assert call(["status", *given]) == 2
    assert told.replace("PATH", given[-1]) in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["clients", "add", "gw", "--role", "guard", "-r", "x"], ["token", "new", "gw"]])
@pytest.mark.parametrize("bound", ["--tenant", "--app"])
def test_a_name_that_is_empty_binds_a_caller_to_nothing_unseen(
    verb: list[str], bound: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call([*verb, bound, ""]) == 2
    assert "is empty" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"", b"# a comment\n", b"\xd5\x00"])
def test_a_file_without_a_key_is_named(data: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "keys"
    file.write_bytes(data)
    assert call(["keys", "show", str(file)]) == 2
    assert str(file) in capsys.readouterr().err


def test_an_unknown_verb_is_met_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["replya"]) == 2
    assert "Did you mean replay" in capsys.readouterr().err


def test_nobody_answering_is_code_three(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["status", "--url", "http://127.0.0.1:1"]) == 3
    assert "no answer from http://127.0.0.1:1" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["completion", shell]) == 0
    assert "_AGENTWATCH_COMPLETE" in capsys.readouterr().out


def test_completion_completes_verbs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("_AGENTWATCH_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "agentwatch re")
    monkeypatch.setenv("COMP_CWORD", "1")
    with pytest.raises(SystemExit):
        call([])
    assert {line.partition(",")[2] for line in capsys.readouterr().out.split()} == {"replay", "resume"}


def test_a_base_install_says_what_is_missing() -> None:
    code = "import sys\nsys.modules['click'] = None\nfrom agentwatch.cli import main\nmain()"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "agentwatch[daemon]" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("verb", ["config schema", "completion bash", "--help"])
def test_a_full_disk_is_named_and_leaves_no_trace_of_python(verb: str) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "agentwatch", *verb.split()]
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (3, "agentwatch: what is written: No space left on device\n")


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    command = f"{sys.executable} -m agentwatch config schema | head -c 10"
    ran = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
