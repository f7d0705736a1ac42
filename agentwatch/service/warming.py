"""What a daemon is ready without, and loads a moment later: what the first priced event, prompt and alert ask for.

Together it takes as long as all the rest of a start. Whoever needs a part of it before it is there waits for that part.
"""

from importlib import import_module

from agentwatch.cost.prices import load_prices

__all__ = ["load_ahead"]


def load_ahead(*, alerts: bool) -> None:
    """Load the bundled price list, the part of fingerprints that needs numpy, and an HTTP client for `alerts`."""
    load_prices()
    import_module("agentwatch.fingerprint.shingles")
    if alerts:
        import_module("httpx")
