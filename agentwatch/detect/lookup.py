"""Whether a call looks something up: its silence is then "nothing found", and not a change that worked.

Told by the tool's name, which always travels in clear, and for a shell, where the log holds text, by the command's.
"""

from functools import lru_cache

from agentwatch.records import Event

__all__ = ["acts", "looks_up"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_READS = _words(
    "search find grep rg query list get read lookup look fetch select show view locate glob ls retrieve recall browse"
    " scan describe match filter count inspect"
)
_WRITES = _words(
    "write set update add create delete remove move copy send post put save insert edit replace append apply rename"
    " make patch upload install commit push enable disable start stop kill run click type press fill submit log mark"
)
_SHELLS = _words("bash shell sh terminal console command cmd exec execute powershell")
_COMMANDS = _words("grep egrep fgrep rg ag ack find locate which whereis ls cat head tail awk zgrep git-grep")
_REDIRECTS = (">", " -delete", " -exec", "-i ")
_HEAD = 400


def looks_up(event: Event) -> bool:
    """Tell whether the event's tool, or the command given to a shell, only looks something up."""
    names = _names(event.tool or "")
    if not names.isdisjoint(_SHELLS):
        return _reads(event.arguments)
    return not names.isdisjoint(_READS) and names.isdisjoint(_WRITES)


def acts(tool: str) -> bool:
    """Tell whether a tool's name says that it changes something: a click, a write, and no wait."""
    return not _names(tool).isdisjoint(_WRITES)


@lru_cache(maxsize=4096)
def _names(tool: str) -> frozenset[str]:
    spaced = "".join(f" {one}" if one.isupper() else one if one.isalnum() else " " for one in tool)
    return frozenset(spaced.lower().split()) | {tool.lower()}


def _reads(arguments: object) -> bool:
    """Tell whether a shell's command is one that only reads, by its first word; a redirection makes it a write."""
    if not isinstance(arguments, str):
        return False
    head = arguments[:_HEAD]
    command = head.split('": "', 1)[-1] if head.startswith("{") else head
    first = command.split(None, 1)[0] if command.strip() else ""
    return first.strip("\"'(") in _COMMANDS and not any(sign in command for sign in _REDIRECTS)
