"""A simulated fleet for trying agentwatch out: agents of which some are caught in loops and some only look like it."""
