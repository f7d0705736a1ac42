"""The command line. `main` is the entry point; each group of verbs is a file that is loaded when it is called."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        # Loaded here: the base install is the client's and has no command line.
        from agentwatch.cli.root import call
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write("agentwatch: the command line needs more than the client: pip install 'agentwatch[daemon]'\n")
        sys.exit(2)
    sys.exit(call(sys.argv[1:]))
