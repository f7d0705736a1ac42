"""The classes of results, by examples of each."""

import pytest

from agentwatch.fingerprint import fingerprint_batch, fingerprint_text, phrases
from agentwatch.fingerprint.canonical import canonical
from agentwatch.fingerprint.classify import classify
from agentwatch.records import Event, ResultClass

EMPTY = [
    "",
    " ",
    '""',
    "[]",
    "{}",
    "null",
    "None",
    "()",
    "(no output)",
    "[no output]",
    "No results found.",
    "exit code: 0",
    "exitcode: 0 (execution succeeded)\nCode output:",
    '{"exit_code": 0, "output": ""}',
    '{"result": null}',
    '{"results": [], "status": "ok"}',
    "<stdout></stdout><stderr></stderr>",
    "Tool ran without output or errors",
    '[{"type": "text", "text": ""}]',
    "Exit code: 0\nOutput:\n",
    "---",
]
ACK = [
    "ok",
    "OK.",
    "Success!",
    "done",
    "Transfer successful",
    "File edited successfully.",
    "The file /src/app.py has been updated.",
    "Wrote 120 bytes to out.txt",
    "Todos have been modified successfully",
    "skipped",
    "Message sent.",
    '{"status": "ok"}',
    '{"status": "ok", "message": ""}',
    '{"success": true, "message": "Record updated"}',
    '{"success": true}',
    '{"result": "File saved"}',
]
ERROR = [
    "Error: no balance",
    "bash: foo: command not found",
    "cat: x: No such file or directory",
    "Command timed out",
    "HTTP 404 Not Found",
    "HTTP/1.1 502 Bad Gateway",
    "Error code: 429 - slow down",
    "Permission denied (publickey).",
    "Failed 3/3 Test Cases.",
    "=== 3 failed, 12 passed in 0.5s ===",
    "exit code: 1",
    "Process exited with code 127",
    "Could not find that page",
    "Unknown column 'x' in 'field list'",
    "ln: failed to create link 'a': File exists",
    "x" * 1000 + " Traceback (most recent call last): File ...",
    "<tool_use_error>String to replace not found</tool_use_error>",
    '{"error": "not allowed"}',
    '{"success": false, "message": "x"}',
    '{"status": 503, "body": "try later"}',
    '{"exit_code": 2, "output": "usage"}',
    '{"isError": true, "content": [{"type": "text", "text": "x"}]}',
    '{"output": "Traceback (most recent call last): boom"}',
]
PENDING = [
    "running",
    "Running 41 %",
    "in progress",
    "queued",
    "Still waiting for the build",
    "The job is still running.",
    "not ready yet",
    '{"status": "running", "progress": 41}',
    '{"state": "IN_PROGRESS"}',
]
BARE = [
    "<class 'str'>",
    "str",
    "12 bytes",
    "<Foo object at 0x7f3a22bc1d00>",
    "[object Object]",
    "image/png",
]
CONTENT = [
    "0",
    "42",
    "true",
    "hello",
    "/workspace/results.txt",
    "exitcode: 0 (execution succeeded)\nCode output: 732050",
    "The errors of the past were many, and nobody is still running from them as far as the chronicle of the town says.",
    "0 failed, 12 passed",
    "Wrote the report: revenue grew by 4 % over the year, mostly from the new region",
    '{"reservation_id": "H8Q05L", "status": "ok", "origin": "JFK"}',
    '[{"a": 1}, {"a": 2}]',
    "def fail(): raise ValueError",
    "README\n" + "The server does not exist in isolation. " * 40,
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, ResultClass.empty) for text in EMPTY),
        *((text, ResultClass.ack) for text in ACK),
        *((text, ResultClass.error) for text in ERROR),
        *((text, ResultClass.pending) for text in PENDING),
        *((text, ResultClass.bare) for text in BARE),
        *((text, ResultClass.content) for text in CONTENT),
    ],
)
def test_class_of_a_result(text: str, expected: ResultClass) -> None:
    assert classify(canonical(text)) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [("", "empty"), ("[]", "empty"), ("ok", "content"), ("Error: x", "content")]
)
def test_other_texts_are_empty_or_content(text: str, expected: str) -> None:
    assert fingerprint_text(text).klass == expected


@pytest.mark.parametrize("phrase", sorted(phrases.FAILURES_WITHIN))
def test_a_failure_behind_many_short_words_is_one_in_each_form(phrase: bytes) -> None:
    text = "a " * ((480 - len(phrase)) // 2 - 1) + phrase.decode()
    event = Event(agent="bot", op="execute_tool", tool="read_table", result=text)
    prints = fingerprint_batch([event])[0].result
    assert prints is not None
    assert prints.klass is classify(text.encode()) is ResultClass.error
