"""The long-running process: its parts put together, its life and its embedded servers."""
