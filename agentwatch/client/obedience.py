"""What a guard has to obey: the rules by which commands stand, replace each other and end. No I/O and no clock.

Times are seconds of the guard's own monotonic clock, so a step of the wall clock changes nothing. The control keys
(or, over HTTP alone, the daemon's answer) are the authority: while they can be read, they alone decide. While they
cannot, what they said last and what was pushed over MQTT count together, the higher epoch of a subject first.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf

from msgspec import Struct

from agentwatch.records import AckState, Command

__all__ = ["NOTHING", "Answer", "Held", "Obedience", "Standing"]


class Held(Struct, frozen=True):
    """A command, the moment at which its lease ends, and the moment at which it was learnt."""

    command: Command
    until: float
    at: float = 0.0


class Answer(Struct, frozen=True):
    """What is to be acknowledged of a command."""

    command: Command
    state: AckState
    reason: str = ""


class Standing(Struct, frozen=True):
    """What stands now: a kill, a pause, throttles; `until` is when the first of them ends."""

    kill: Command | None = None
    pause: Command | None = None
    throttles: tuple[Command, ...] = ()
    until: float = inf

    @property
    def clear(self) -> bool:
        """Whether the next call may go at once: no kill, no pause and no throttle stands."""
        return self.kill is None and self.pause is None and not self.throttles


NOTHING = Standing()


class Obedience:
    """The commands of one run's subjects; bounded by their number, which is six at most."""

    def __init__(self, subjects: Sequence[str]) -> None:
        self._subjects = frozenset(subjects)
        self._keys: dict[str, Held] = {}
        self._pushed: dict[str, Held] = {}
        self._newest: dict[str, int] = {}
        self._received: dict[str, str] = {}
        self._accepted: dict[str, str] = {}
        self._current: dict[str, Held] = {}
        self._authority = False
        self.epoch = 0

    def settle(self, found: Mapping[str, Held], asked_at: float) -> list[Answer]:
        """Take the authority's whole word, asked for at `asked_at`: what it does not name does not stand."""
        answers: list[Answer] = []
        self._authority = True
        self._keys = {subject: held for subject, held in found.items() if subject in self._subjects}
        for subject, held in self._keys.items():
            self._newest[subject] = held.command.epoch
        for subject, held in list(self._pushed.items()):
            if held.at > asked_at:
                continue  # the answer may be older than this message
            del self._pushed[subject]
            key = self._keys.get(subject)
            if held.command.cmd != "resume" and (key is None or key.command.epoch < held.command.epoch):
                answers.append(Answer(held.command, "refused", "the control key says otherwise"))
        return answers + self._apply()

    def hear(self, command: Command, until: float, now: float) -> list[Answer]:
        """Take a pushed command; an older epoch, an ended lease or a foreign subject is refused."""
        subject = command.subject
        if subject not in self._subjects:
            return [Answer(command, "refused", "it does not cover this run")]
        newest = self._newest.get(subject, -1)
        if command.epoch < newest:
            return [Answer(command, "refused", f"epoch {command.epoch} is older than {newest}")]
        if until <= now:
            return [] if command.epoch == newest else [Answer(command, "refused", "its lease has ended")]
        known = self._pushed.get(subject)
        if known is not None and known.command.epoch == command.epoch:
            # Delivered once more: the broker's retained copy. The lease does not grow by being told again.
            until = min(until, known.until)
        self._newest[subject] = command.epoch
        self._pushed[subject] = Held(command, until, now)
        return self._receive(command) + self._apply()

    def forget(self, subjects: Iterable[str]) -> list[Answer]:
        """Drop what was pushed for these subjects: nothing is retained for them any more."""
        for subject in subjects:
            self._pushed.pop(subject, None)
        return self._apply()

    def keep_only(self, subjects: Iterable[str]) -> list[Answer]:
        """Drop what was pushed for all other subjects: the broker has told everything that it retains."""
        return self.forget(set(self._pushed) - set(subjects))

    def lose(self) -> list[Answer]:
        """Note that the authority cannot be read: what was pushed counts until it can."""
        self._authority = False
        return self._apply()

    def standing(self, now: float) -> Standing:
        """Tell what stands at this moment."""
        if not self._current:
            return NOTHING
        live = [held for held in self._current.values() if held.until > now]
        if not live:
            return NOTHING
        kill = _newest(held.command for held in live if held.command.cmd == "kill")
        pause = _newest(held.command for held in live if _pauses(held.command))
        throttles = tuple(held.command for held in live if held.command.cmd == "throttle" and not _pauses(held.command))
        return Standing(kill, pause, throttles, min(held.until for held in live))

    def _receive(self, command: Command) -> list[Answer]:
        if self._received.get(command.subject) == command.id:
            return []
        self._received[command.subject] = command.id
        self.epoch = max(self.epoch, command.epoch)
        return [] if command.cmd == "resume" else [Answer(command, "received")]

    def _apply(self) -> list[Answer]:
        answers: list[Answer] = []
        self._current = {}
        for subject in self._subjects:
            held = self._decisive(subject)
            if held is None:
                continue
            answers += self._receive(held.command)
            if self._accepted.get(subject) != held.command.id:
                self._accepted[subject] = held.command.id
                if held.command.cmd != "resume":
                    answers.append(Answer(held.command, "accepted"))
            if held.command.cmd != "resume":
                self._current[subject] = held
        return answers

    def _decisive(self, subject: str) -> Held | None:
        key = self._keys.get(subject)
        pushed = None if self._authority else self._pushed.get(subject)
        if key is None or pushed is None:
            return key or pushed
        return pushed if pushed.command.epoch > key.command.epoch else key


def _pauses(command: Command) -> bool:
    """Tell whether a command lets no call pass at all."""
    return command.cmd == "pause" or (command.cmd == "throttle" and command.limit is not None and command.limit <= 0)


def _newest(commands: Iterable[Command]) -> Command | None:
    return max(commands, key=lambda command: command.epoch, default=None)
