"""The draft of a commit: everything that one batch changes, gathered in order and handed over as one value."""

from agentwatch.act.audit import audit_lines
from agentwatch.act.command import command_of, takes_back
from agentwatch.records import (
    Astray,
    Command,
    Commit,
    Control,
    DeadLetter,
    Decision,
    Incident,
    LedgerRow,
    Positions,
    Tick,
)

__all__ = ["Draft"]


class Draft:
    """Gathers a batch's changes. A later command or clearing of a subject replaces the earlier one."""

    def __init__(self, positions: Positions, tick: Tick) -> None:
        self.tick = tick
        self.at = tick.at
        self.events = positions.events
        self.controls = positions.controls
        self.acks = positions.acks
        self.index = positions.index
        self.seq = positions.seq
        self.entries: list[str] = []
        self.actions: list[Control] = []
        self.decisions: list[Decision] = []
        self.incidents: list[Incident] = []
        self.dead: list[DeadLetter] = []
        self.astray: list[Astray] = []
        self._commands: dict[str, Command | None] = {}

    def next_seq(self) -> int:
        """Draw the next number of the partition's decision log."""
        self.seq += 1
        return self.seq

    def decide(self, decision: Decision) -> None:
        """Take a decision, with the control key that it sets or clears."""
        self.decisions.append(decision)
        command = command_of(decision)
        if command is not None:
            self._commands[decision.subject] = command
        elif takes_back(decision):
            self._commands[decision.subject] = None

    def positions(self) -> Positions:
        """Tell how far this batch comes."""
        return Positions(events=self.events, controls=self.controls, acks=self.acks, index=self.index, seq=self.seq)

    def commit(self, ledger: LedgerRow) -> Commit:
        """Make the commit of all that was drafted: of each subject the last command alone."""
        return Commit(
            positions=self.positions(),
            at=self.at,
            tick=self.tick,
            entries=tuple(self.entries),
            decisions=tuple(self.decisions),
            commands=tuple(c for c in self._commands.values() if c is not None),
            cleared=tuple(s for s, c in self._commands.items() if c is None),
            incidents=tuple(self.incidents),
            dead=tuple(self.dead),
            ledger=ledger,
            audit=audit_lines(self.actions, self.decisions),
            astray=tuple(self.astray),
        )
