"""`python -m agentwatch` is the command line."""

from agentwatch.cli import main

if __name__ == "__main__":
    main()
