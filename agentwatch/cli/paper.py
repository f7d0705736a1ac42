"""A console on which nothing that is shown is obeyed."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from agentwatch.cli.printable import printable

__all__ = ["Paper"]


class Paper(Console):
    """Rich's console, whose own colours are the only commands that reach the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, with what agents wrote made printable."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)
