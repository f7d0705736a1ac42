"""What kind of result a text is: nothing, an acknowledgement, a failure, "not finished", a bare type, or content.

Only the text is looked at; a detector sets it beside the event's status. In doubt a text is content: a wrong class
hides or invents evidence, content merely leaves the decision to digests and novelty.
"""

import msgspec

from agentwatch.fingerprint import phrases
from agentwatch.records import ResultClass

__all__ = ["classify"]

_JSON_BYTES = 4096  # a longer wrapper holds content whatever its keys say
_HEAD_BYTES = 240
_WHOLE_BYTES = 480  # up to here a failure may be named anywhere in the text
_SHORT_WORDS = 16
_FEW_WORDS = 4
_DEPTH = 3


def classify(text: bytes) -> ResultClass:
    """Tell the class of a result from its canonical form."""
    return _classify(text, _DEPTH)


def _classify(text: bytes, depth: int) -> ResultClass:
    if not text:
        return ResultClass.empty
    if text[0] in b"{[" and depth and len(text) <= _JSON_BYTES:
        try:
            return _of_value(msgspec.json.decode(text), depth - 1)
        except (msgspec.DecodeError, ValueError, RecursionError):
            pass  # not JSON after all: its words decide
    low = text[: _WHOLE_BYTES if len(text) <= _WHOLE_BYTES else _HEAD_BYTES].lower()
    words = low.translate(phrases.PLAIN).split()
    if not words:
        return ResultClass.content if low.strip(b"[](){}<>\"'`-.") else ResultClass.empty
    if words[0] in phrases.FRAME_FIRST and depth and not _exit_failure(low):
        payload = _unframed(text)
        if len(payload) < len(text):
            return _classify(payload, depth - 1)
    if _begins_as_failure(low, words) or _names_failure(text, low, words):
        return ResultClass.error
    return _of_words(low, words) if len(words) <= _SHORT_WORDS else ResultClass.content


def _unframed(text: bytes) -> bytes:
    """Take off what only frames a payload ("exit code: 0 output: ...")."""
    low = text[:_HEAD_BYTES].lower()
    at = 0
    while True:
        frame = next((frame for frame in phrases.FRAMES if low.startswith(frame, at)), b"")
        if not frame:
            return text[at:]
        at += len(frame)
        while at < len(low) and low[at] in b" :,;":
            at += 1


def _begins_as_failure(low: bytes, words: list[bytes]) -> bool:
    start = low.lstrip(b"[(<*!#\"'`- ")
    if start.startswith(phrases.FAILURE_STARTS.get(words[0], ())):
        return True
    return words[0] in phrases.HTTP_FIRST and _http_failure(start)


def _names_failure(text: bytes, low: bytes, words: list[bytes]) -> bool:
    if not phrases.EXIT_WORDS.isdisjoint(words) and _exit_failure(low[:_HEAD_BYTES]):
        return True
    if not phrases.FAILURE_WORDS.isdisjoint(words):
        within = phrases.FAILURES_WITHIN if len(text) <= _WHOLE_BYTES else phrases.FAILURES_AHEAD
        if any(phrase in low for phrase in within):
            return True
    if b"Traceback (most recent call last)" in text:
        return True
    tail = low[-_HEAD_BYTES:] if len(text) <= _WHOLE_BYTES else text[-_HEAD_BYTES:].lower()
    return b" failed" in tail and _counts_failures(tail)


def _http_failure(start: bytes) -> bool:
    for prefix in phrases.HTTP_STARTS:
        if start.startswith(prefix):
            rest = start[len(prefix) :].lstrip(b":= ")
            return rest[:1] in (b"4", b"5") and rest[1:3].isdigit() and not rest[3:4].isdigit()
    return False


def _exit_failure(head: bytes) -> bool:
    for prefix in phrases.EXIT_CODES:
        at = head.find(prefix)
        if at >= 0:
            code = head[at + len(prefix) :].lstrip(b"\"': =").split(b" ", 1)[0].strip(b",;.)]}\"'")
            return code.lstrip(b"-").isdigit() and int(code) != 0
    return False


def _counts_failures(tail: bytes) -> bool:
    """Find a test summary with failures ("3 failed, 12 passed")."""
    at = tail.find(b" failed")
    while at > 0:
        count = tail[:at].rsplit(b" ", 1)[-1].strip(b"=(,")
        if count.isdigit() and int(count) and any(word in tail for word in (b"passed", b" in ", b"tests")):
            return True
        at = tail.find(b" failed", at + 1)
    return False


def _of_words(low: bytes, words: list[bytes]) -> ResultClass:
    """Class a short text that does not read as a failure by its words alone."""
    if low in phrases.BARE or low.startswith(b"<class '") or (low[:1] == b"<" and b" object at 0x" in low):
        return ResultClass.bare
    plain = b" ".join(words)
    if plain in phrases.EMPTY or (len(words) > 1 and phrases.FRAME.issuperset(words)):
        return ResultClass.empty
    if words[0] in phrases.NONE_FIRST and _names_nothing(words):
        return ResultClass.empty
    if plain.startswith(phrases.PENDING_STARTS) or (len(words) <= _FEW_WORDS and words[0] in phrases.PENDING_FIRST):
        return ResultClass.pending
    if not phrases.PENDING_WORDS.isdisjoint(words) and any(phrase in plain for phrase in phrases.PENDING_WITHIN):
        return ResultClass.pending
    if len(words) == 2 and words[0].isdigit() and words[1] in phrases.SIZES:
        return ResultClass.bare
    if not phrases.ACK.isdisjoint(words) and _acknowledges(low.split()):
        return ResultClass.ack
    return ResultClass.content


def _names_nothing(words: list[bytes]) -> bool:
    """Tell "no customer found" and "0 messages" from "no errors found", which is news, and good news."""
    if not 2 <= len(words) <= _FEW_WORDS or not phrases.GOOD_NONE.isdisjoint(words):
        return False
    return words[-1] in phrases.NONE_LAST


def _acknowledges(tokens: list[bytes]) -> bool:
    strong = False
    for token in tokens:
        word = token.strip(b".,:;!()[]\"'`")
        if word in phrases.ACK:
            strong = True
        elif word not in phrases.FILLER and not _is_name(token):
            return False
    return strong


def _is_name(token: bytes) -> bool:
    """Tell a path, a quoted name or a number: what an acknowledgement is about."""
    inner = token.strip(b".,:;!()")
    return inner.isdigit() or b"/" in inner or b"\\" in inner or b"." in inner or inner[:1] in (b'"', b"'", b"`")


def _of_value(value: object, depth: int) -> ResultClass:
    if value is None or value in ("", [], {}):
        return ResultClass.empty
    if isinstance(value, str):
        return _classify(" ".join(value.split()).encode(errors="replace"), depth)
    if isinstance(value, dict):
        return _of_object(value, depth)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and "text" in value[0]:
        return _of_value(value[0]["text"], depth) if depth else ResultClass.content
    return ResultClass.content


def _of_object(value: dict[str, object], depth: int) -> ResultClass:
    low = {key.lower(): item for key, item in value.items()}
    if _object_failed(low):
        return ResultClass.error
    state = low.get("status", low.get("state"))
    state = state.lower().replace("-", "_").replace(" ", "_") if isinstance(state, str) else state
    if state in phrases.PENDING_STATES:
        return ResultClass.pending
    if any(item == [] for item in low.values()) and _is_frame(low):
        return ResultClass.empty  # a page of a list, with nothing on it
    rest = {key: item for key, item in low.items() if key not in phrases.FRAME_KEYS and item not in (None, "", [], {})}
    if not rest and any(key in phrases.PAYLOAD_KEYS and key != "message" for key in low):
        return ResultClass.empty  # there is a place for content, and nothing in it
    if not rest:
        acknowledged = state in phrases.DONE_STATES or low.get("ok") is True or low.get("success") is True
        return ResultClass.ack if acknowledged else ResultClass.empty
    if len(rest) == 1 and depth:
        ((key, item),) = rest.items()
        if key in phrases.PAYLOAD_KEYS:
            return _of_value(item, depth - 1)
    return ResultClass.content


def _is_frame(low: dict[str, object]) -> bool:
    return all(not item or key in phrases.PAGING_KEYS or key in phrases.FRAME_KEYS for key, item in low.items())


def _object_failed(low: dict[str, object]) -> bool:
    if low.get("error") or low.get("errors") or low.get("iserror") is True or low.get("is_error") is True:
        return True
    if low.get("success") is False or low.get("ok") is False:
        return True
    for key in ("status", "state", "type"):
        state = low.get(key)
        if isinstance(state, str) and state.lower() in phrases.FAILED_STATES:
            return True
    for key in ("status", "status_code", "statuscode"):
        code = low.get(key)
        if type(code) is int and 400 <= code < 600:
            return True
    codes = (low.get(key) for key in ("exit_code", "exitcode", "returncode", "return_code"))
    return any(type(code) is int and code != 0 for code in codes)
