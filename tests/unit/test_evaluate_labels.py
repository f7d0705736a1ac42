"""Tables of labels: what is wrong is named by its line."""

import pytest

from agentwatch.errors import BadInput
from agentwatch.evaluate import labels_from_rows, read_labels

HEAD = "run,source,label,onset,shape,reason\n"


def table(*lines: str) -> list[str]:
    return [HEAD, *(f"{line}\n" for line in lines)]


def test_labels_are_read_from_rows_and_bad_rows_are_named():
    rows = [
        {"run": "a", "source": "s", "label": "loop", "onset": "12", "shape": "repeat", "reason": "r"},
        {"run": "b", "source": "s", "label": "benign", "onset": "", "shape": "", "reason": ""},
    ]
    assert [(one.loop, one.onset) for one in labels_from_rows(rows)] == [(True, 12), (False, -1)]
    with pytest.raises(BadInput, match="row 2"):
        labels_from_rows([{"run": "a", "label": "perhaps"}])
    with pytest.raises(BadInput, match="row 3"):
        labels_from_rows([rows[0], {**rows[0], "onset": "-3"}])


def test_a_loop_without_onset_is_refused_by_its_line():
    with pytest.raises(BadInput, match=r"truth\.csv: line 3: loop 'b' has no onset"):
        read_labels(table("a,s,loop,0,,", "b,s,loop,,,"), "truth.csv")
    assert [one.onset for one in read_labels(table("a,s,loop,0,,", "b,s,benign,,,"))] == [0, -1]


def test_lines_are_counted_as_in_the_file_also_after_a_cell_of_two_lines():
    lines = [HEAD, 'a,s,benign,,,"first\n', 'second"\n', "b,s,loop,x,,\n"]
    with pytest.raises(BadInput, match="line 4: onset 'x'"):
        read_labels(lines)


def test_a_run_has_one_label():
    with pytest.raises(BadInput, match="line 3: run 'a' has a label already"):
        read_labels(table("a,s,loop,0,,", "a,s,benign,,,"))


def test_what_is_no_table_is_refused():
    with pytest.raises(BadInput, match="line 2"):
        read_labels(table('"a,s'))
    with pytest.raises(BadInput, match="line 2"):
        read_labels(["id,verdict\n", "a,loop\n"])
