"""reivo-guard 0.3.0: `Guard.before` (equal prompts), `detect_loop_by_cosine`, `detect_sequence_loop`, all defaults.

Its prompts are what is new for the model: the last call with its result, or what was said. Whole contexts, which its
integrations hash, never repeat. The window of 20 prompts of the guard is used for the other two, which have none.
"""

from collections import deque

from reivo_guard import Guard, detect_loop_by_cosine, detect_sequence_loop, hash_messages

from bench.peers.step import Step

PACKAGE = "reivo-guard"
ABOUT = "equal prompts in 20, TF-IDF cosine of prompts, cycles"
COMPARES = "similarity"
_WINDOW = 20


class Watcher:
    """One guard a run."""

    def __init__(self) -> None:
        self._guard = Guard()
        self._prompts: deque[str] = deque(maxlen=_WINDOW)
        self._hashes: deque[str] = deque(maxlen=3 * _WINDOW)

    def feed(self, step: Step) -> bool:
        prompt = f"{step.tool} {step.arguments}\n{step.result or ''}"
        hashed = hash_messages([{"role": "user", "content": prompt}])
        self._hashes.append(hashed)
        alarms = (
            not self._guard.before(prompt_hash=hashed).allowed,
            detect_loop_by_cosine(list(self._prompts), prompt).is_loop,
            detect_sequence_loop(list(self._hashes)).is_loop,
        )
        self._prompts.append(prompt)
        return any(alarms)
