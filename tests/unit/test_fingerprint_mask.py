"""What is volatile, what is content, and what the shape leaves."""

import pytest

from agentwatch.fingerprint.canonical import canonical
from agentwatch.fingerprint.mask import mask
from agentwatch.fingerprint.shape import shape


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("at 2024-01-02T10:11:12.123Z.", "at #."),
        ("2024-01-02T10:11:12+02:00", "#+02:00"),
        ("2024-01-02 10:11:12,123 INFO", "# INFO"),
        ("[02/Jan/2024:10:11:12 +0000]", "[02/Jan/2024:# +0000]"),
        ("elapsed 0:00:12.5", "elapsed #"),
        ("20240102T101112Z backup-20240102_101112.tgz", "# backup-#.tgz"),
        ("since 1700000000, 1700000000123 and 1700000000.25", "since #, # and #"),
        ('{"id":"550e8400-e29b-41d4-a716-446655440000"}', '{"id":"#"}'),
        ("commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "commit #"),
        ("<Foo object at 0x7f3a22bc1d00>", "<Foo object at #>"),
        ("pid 1234, pid=99 (PID: 7)", "pid #, pid=# (PID: #)"),
        ("12ms 0.03s 1m30s 0m0.123s 2h5m", "# # # # #"),
        ("3 seconds, 1.5 s and 20 ms. 7 µs or 7µs", "# seconds, # s and # ms. # µs or #µs"),
        ("cat /tmp/tmpab_12x/run.py /var/folders/3x/9k_z7/T/y", "cat /tmp/#/run.py /var/folders/#/T/y"),
        ("from 127.0.0.1:54321 to 10.0.0.7:80", "from 127.0.0.1:# to 10.0.0.7:80"),
    ],
)
def test_volatile_tokens_go(text: str, expected: str) -> None:
    assert mask(canonical(text)).decode() == expected


@pytest.mark.parametrize(
    "text",
    [
        "book flight HAT030 on 2024-05-13 for 375 dollars",
        "page 3 of 12, 41 % done",
        "order 20240102 and ticket 12345678",  # plain numbers are content
        "9700000000 is no epoch",
        "a.py:12:34 version 3.11.7",
        "ping 10.0.0.1",
        "defaced facade decade effaced",  # hexadecimal letters alone are words
        "a1b2c3d",  # too short
        "/tmp/report.txt /tmp/step1.csv",  # names that somebody chose
        "12 messages and 5 sheep",
        "no digit at all",
        "",
    ],
)
def test_content_stays(text: str) -> None:
    plain = canonical(text)
    assert mask(plain) is plain


def test_texts_full_of_numbers_take_the_other_scan_to_the_same_end() -> None:
    line = "10:11:12 12ms 3 seconds 1700000000 550e8400-e29b-41d4-a716-446655440000 9a3b4c5d 1 2 3"
    dense = canonical(line)
    sparse = canonical(line + " word" * 400)
    assert mask(sparse) == mask(dense) + b" word" * 400


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("step 12 of 30.5", b"step 0 of 0"),
        ("v1.2.3-rc4", b"v0-rc0"),
        (".5 5. 00", b".0 0. 0"),
        ("12", b"0"),
        ("1..2", b"0..0"),
    ],
)
def test_the_shape_has_one_zero_a_number(text: str, expected: bytes) -> None:
    assert shape(canonical(text)) == expected


def test_the_shape_of_a_text_without_numbers_is_the_text() -> None:
    plain = canonical("no number")
    assert shape(plain) is plain
