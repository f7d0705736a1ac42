"""Makes a partition's pipeline out of the configuration and the policy; used by the daemon and by replays alike."""

from collections.abc import Mapping
from importlib import resources

from msgspec.structs import replace

from agentwatch.act.standing import Standing
from agentwatch.act.tombstone import Tombstones
from agentwatch.act.verify import Verifier
from agentwatch.alert.incident import Incidents
from agentwatch.alert.ourselves import Ourselves
from agentwatch.config import Config
from agentwatch.cost.ledger import Ledger
from agentwatch.cost.prices import Pricer
from agentwatch.deciding import Ledgers
from agentwatch.detect.bank import Bank
from agentwatch.fingerprint.batch import Fingerprinter
from agentwatch.ingest.decode import DecodeStats
from agentwatch.ingest.flood import Flood
from agentwatch.keys import Home
from agentwatch.observing import Parts
from agentwatch.pipeline import Pipeline
from agentwatch.policy.gate import Gate, GateOptions
from agentwatch.policy.ladder import Ladder
from agentwatch.policy.load import load_policy
from agentwatch.policy.staleness import StalenessOptions
from agentwatch.rulebook import RuleBook
from agentwatch.silencing import Silences
from agentwatch.subject import Names

__all__ = ["SHIPPED", "make_pipeline", "make_rulebook", "replay_gate", "shipped_policy"]

SHIPPED = "shipped.toml"


def shipped_policy() -> dict[str, bytes]:
    """Read the policy that comes with agentwatch."""
    return {SHIPPED: resources.files("agentwatch.policy").joinpath(SHIPPED).read_bytes()}


def make_rulebook(config: Config, files: Mapping[str, bytes]) -> RuleBook:
    """Check a policy whole and make it ready to be asked; no files stand for the shipped policy."""
    return RuleBook(load_policy(files or shipped_policy()), config.detectors, config.ladder)


def make_pipeline(
    config: Config,
    rulebook: RuleBook,
    home: Home | None = None,
    bank: Bank | None = None,
    fingerprinter: Fingerprinter | None = None,
) -> Pipeline:
    """Make a pipeline with an empty state.

    home: which partition it is; None where there is but one. bank: an empty one that stands for the usual one.
    fingerprinter: one that may know the texts already.
    """
    several = home is not None and home.partitions > 1
    parts = Parts(
        decode=config.decode,
        decoded=DecodeStats(),
        fingerprinter=fingerprinter or Fingerprinter(config.fingerprint),
        pricer=Pricer(config.prices),
        bank=bank or Bank(config.state),
        ledger=Ledger(config.ledger),
        flood=Flood(config.flood),
        home=home if several else None,
    )
    incidents = Incidents(config.incidents)
    names = Names()
    ledgers = Ledgers(
        names=names,
        ladder=Ladder(config.ladder, names),
        gate=Gate(config.gate, shared=several),
        standing=Standing(config.standing, names),
        tombstones=Tombstones(config.tombstones),
        verifier=Verifier(config.verify, names),
        incidents=incidents,
        ourselves=Ourselves(),
        silences=Silences(config.gate.max_silences, incidents),
    )
    return Pipeline(home.index if home is not None else 0, rulebook, parts, ledgers, config.pipeline)


def replay_gate(gate: GateOptions) -> GateOptions:
    """Give the gate's options for a replay of files: the runs of a file overlap in time, so no clock goes back."""
    inf = float("inf")
    never = StalenessOptions(max_age_s=inf, max_lag=0, gap_hold_s=0.0, back_step_s=inf, leap_s=inf)
    return replace(gate, staleness=never)
