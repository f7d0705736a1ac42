"""Where commits and checkpoints live: Redis, and memory for tests and replays."""
