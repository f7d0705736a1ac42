"""No single change of a stored audit log stays unseen: edits of any byte, removals, moves, additions, a cut end."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agentwatch.audited import Anchor, AuditEntry, AuditPage, Head, anchor_at, genesis, link, verify
from agentwatch.client.command_keys import command_keys
from agentwatch.records import AuditLine
from agentwatch.service.signing import Signer, new_private_key, read_private_key

PEM, PUBLIC = new_private_key()
OTHER_PEM, _ = new_private_key()
SIGNER, FORGER = (Signer(read_private_key(pem.decode())) for pem in (PEM, OTHER_PEM))
CHECK = command_keys(PUBLIC).reason_of

WORDS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)
LINES = st.builds(AuditLine, at=st.floats(0, 4e9), action=WORDS, who=WORDS, subject=WORDS, reason=WORDS, value=WORDS)
COMMITS = st.lists(st.lists(LINES, min_size=1, max_size=3), min_size=1, max_size=5)


def log_of(commits: list[list[AuditLine]], cut: int = 0) -> AuditPage:
    """Chain commits as the store does; the first `cut` records were let go since."""
    head, entries = genesis(3), []
    for lines in commits:
        entries += link(lines, head, 3, SIGNER)
        head = Head(entries[-1].seq, entries[-1].hash)
    cut = min(cut, len(entries) - 1)
    anchor = anchor_at(Head(cut, entries[cut - 1].hash), 3, SIGNER) if cut else None
    return AuditPage(partition=3, entries=tuple(entries[cut:]), head=head, anchor=anchor)


@st.composite
def changed(draw: st.DrawFn) -> tuple[AuditPage, AuditPage, str]:
    """Draw a log and the same log with one change to what is stored."""
    page = log_of(draw(COMMITS), draw(st.integers(0, 3)))
    entries, at = list(page.entries), draw(st.integers(0, len(page.entries) - 1))
    kind = draw(
        st.sampled_from(["data", "hash", "sig", "seq", "remove", "swap", "twice", "add", "cut", "anchor", "head"])
    )
    entry = entries[at]
    if kind in ("data", "hash", "sig"):
        text = getattr(entry, kind)
        where = draw(st.integers(0, max(0, len(text) - 1)))
        letter = draw(st.sampled_from('aZ0 {"é') | st.just(""))
        entries[at] = replace(entry, **{kind: text[:where] + letter + text[where + 1 :]})
    elif kind == "seq":
        entries[at] = replace(entry, seq=draw(st.integers(0, 20)))
    elif kind == "remove":
        del entries[at]
    elif kind == "swap":
        other = draw(st.integers(0, len(entries) - 1))
        entries[at], entries[other] = entries[other], entries[at]
    elif kind == "twice":
        entries.insert(draw(st.integers(0, len(entries))), entry)
    elif kind == "add":
        line = AuditLine(at=1.0, action="mode", who="nobody")
        entries.insert(at + 1, link([line], Head(entry.seq, entry.hash), 3, draw(st.sampled_from([SIGNER, FORGER])))[0])
    elif kind == "cut":
        entries = entries[:at]
    elif kind == "anchor":
        given = Anchor(seq=draw(st.integers(0, 5)), hash=draw(st.sampled_from([entry.hash, genesis(3).hash])))
        return page, replace(page, anchor=draw(st.sampled_from([None, given]))), kind
    else:
        return page, replace(page, head=replace(page.head, seq=page.head.seq + draw(st.integers(-2, 2)))), kind
    return page, replace(page, entries=tuple(entries)), kind


@settings(max_examples=250)
@given(changed())
def test_any_single_change_is_found(case: tuple[AuditPage, AuditPage, str]) -> None:
    page, other, _ = case
    assert verify(page, CHECK, [page.head]) == []
    if other != page:
        assert verify(other, CHECK) != []


@settings(max_examples=60)
@given(COMMITS, st.integers(0, 3), st.data())
def test_a_log_that_was_written_anew_needs_the_key_and_one_cut_back_a_head_from_elsewhere(commits, cut, data) -> None:
    page = log_of(commits, cut)
    at = data.draw(st.integers(0, len(page.entries) - 1))
    head = Head(page.entries[at].seq - 1, msgspec.json.decode(page.entries[at].data)["prev"])
    line = AuditLine(at=1.0, action="mode", who="nobody", value="a better history")
    rewritten: list[AuditEntry] = [*page.entries[:at], *link([line], head, 3, FORGER)]
    forged = replace(page, entries=tuple(rewritten), head=Head(rewritten[-1].seq, rewritten[-1].hash))
    assert verify(forged, CHECK) != [], "whoever lacks the key cannot write history anew"
    back = replace(page, entries=page.entries[:at], head=head)
    if all(msgspec.json.decode(entry.data).get("kid") for entry in page.entries[at - 1 : at]):
        assert verify(back, CHECK, [page.head]) != [], "it lacks what it once held"


def test_a_log_that_was_never_signed_is_held_by_its_hashes_alone() -> None:
    entries = link([AuditLine(at=1.0, action="mode", who="alice")] * 3, genesis(0), 0)
    page = AuditPage(partition=0, entries=tuple(entries), head=Head(3, entries[2].hash))
    assert verify(page) == []
    other = link([AuditLine(at=1.0, action="mode", who="mallory")], Head(1, entries[0].hash), 0)
    told = verify(replace(page, entries=(entries[0], *other, entries[2])))
    assert told == ["record 3 does not follow what is stored before it"], (
        "its own hash is right, and the next one's too"
    )
    assert verify(page, CHECK) == ["the newest record, 3, is not signed"]
    assert verify(replace(page, partition=1)) != []
    assert verify(AuditPage(partition=0, entries=(), head=genesis(0)), CHECK) == []
