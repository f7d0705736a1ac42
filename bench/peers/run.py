"""Measures agentwatch beside published libraries: `python -m bench.peers.run --seeds 10 [--traces DIR]`.

All see the same events in one process, interleaved case by case. The time is CPU time: from what is in memory to the
alarm, and beside it that of the whole path.
"""

import argparse
import json
import logging
import os
import sys
from pathlib import Path

import structlog

from bench.peers.corpus import scenario_cases, trace_cases
from bench.peers.installing import refusals
from bench.peers.measuring import measure
from bench.peers.ourselves import LEVELS
from bench.peers.protocol import Absent, Peer, load
from bench.peers.roster import NAMES
from bench.peers.table import by_group, plain, render

# Neither banners nor usage statistics of the libraries, and no look-up of prices over the network.
_SILENT = {
    "DO_NOT_TRACK": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "CRITICAL",
    "OPENHANDS_SUPPRESS_BANNER": "1",
    "PRAISONAI_TELEMETRY_DISABLED": "true",
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers.run", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="of each scenario (default 10)")
    parser.add_argument("--traces", type=Path, help="a folder with events.jsonl.gz and labels.csv, read in place")
    parser.add_argument("--json", type=Path, help="write all figures here, by shape and source too")
    parser.add_argument("--groups", action="store_true", help="print the share found or accused of each shape")
    parser.add_argument("--limit-s", type=float, default=120.0, help="CPU seconds for each library and corpus")
    parser.add_argument("--only", nargs="*", default=NAMES, help="adapters to run, beside agentwatch itself")
    return parser.parse_args()


def main() -> int:
    """Load, measure, print; 0 when at least five libraries were measured."""
    options = _options()
    os.environ.update(_SILENT)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    refused = refusals()
    loaded = [load(name, refused) for name in options.only if name not in LEVELS]  # agentwatch is always measured
    peers = [one for one in loaded if isinstance(one, Peer)]
    absent = [one for one in loaded if isinstance(one, Absent)]
    corpora = {f"Scenarios, {options.seeds} seeds each": scenario_cases(options.seeds)} if options.seeds else {}
    if options.traces is not None and (options.traces / "labels.csv").is_file():
        corpora["Labelled traces"] = trace_cases(options.traces)
    else:
        print(f"labelled traces skipped: {options.traces or 'no folder given'} holds no labels.csv", file=sys.stderr)
    figures = {}
    for title, cases in corpora.items():
        results = measure(peers, list(cases), options.limit_s)
        print(render(title, results, peers, absent), end="\n\n", flush=True)
        if options.groups:
            print(by_group(results), end="\n\n", flush=True)
        figures[title] = plain(results, peers, absent)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if len({peer.package for peer in peers}) >= 5 or options.only != NAMES else 1


if __name__ == "__main__":
    sys.exit(main())
