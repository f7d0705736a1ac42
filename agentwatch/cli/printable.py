"""What agents and producers wrote, as it may be shown on a terminal: it must neither command it nor forge a line."""

import click

__all__ = ["escape", "one_line", "printable", "warn"]

_LOST = "\ufffd"


def printable(text: str) -> str:
    """Give the text with everything replaced that a terminal obeys, or that nobody sees; lines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign in "\n\t" else _LOST for sign in text)


def one_line(text: str) -> str:
    """Give the text on one line, printable: a name must not begin another."""
    return printable(" ".join(text.splitlines()))


def escape(text: str) -> str:
    """Give the text on one line as rich shows it, with nothing in it read as markup."""
    from rich.markup import escape as unmarked

    return unmarked(one_line(text))


def warn(text: str) -> None:
    """Tell something on standard error."""
    click.echo(printable(text), err=True)
