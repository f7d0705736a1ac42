"""The forms in which a producer may tell what was said: text, keyed digests with sketches, keyed digests alone.

The digests are those that a client makes without sketches: of whole texts, and of the pieces of results. `bare` is what
a producer sends that knows of no pieces.
"""

from functools import lru_cache
from typing import Literal

from msgspec.structs import replace

from agentwatch.fingerprint.private import private_print
from agentwatch.records import Event, FieldPrint, PrivatePrints

__all__ = ["FORMS", "Form", "in_form"]

Form = Literal["text", "sketch", "digests", "bare"]
FORMS: tuple[Form, ...] = ("text", "sketch", "digests")
_KID = "scenarios"
_KEY = b"a key for tests that guards nothing"


def in_form(event: Event, form: Form) -> Event:
    """Put an event's texts in a form; an event without any stays as it is."""
    texts = (event.input, event.output, event.arguments, event.result)
    if form == "text" or all(text is None for text in texts):
        return event
    made = PrivatePrints(
        kid=_KID,
        input=_print(event.input, False, form),
        output=_print(event.output, False, form, said=True),
        arguments=_print(event.arguments, False, form),
        result=_print(event.result, True, form),
    )
    return replace(event, input=None, output=None, arguments=None, result=None, fp=made)


def _print(text: str | None, is_result: bool, form: Form, *, said: bool = False) -> FieldPrint | None:
    if text is None:
        return None
    made = _made(text, is_result, said, form == "sketch")
    return made if form != "bare" else replace(made, pieces=None)


@lru_cache(4096)
def _made(text: str, is_result: bool, said: bool, sketched: bool) -> FieldPrint:
    """Loops say the same thing often: a cache saves most of the time."""
    return private_print(text, key=_KEY, result=is_result, with_chant=said, with_sketch=sketched)
