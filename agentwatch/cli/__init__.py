"""The command line. `main` is the entry point; each group of verbs is a file that is loaded when it is called."""

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave with its exit code."""
    # Loaded here, so that importing the package for one of its parts costs nothing.
    import sys

    from agentwatch.cli.root import call

    sys.exit(call(sys.argv[1:]))
