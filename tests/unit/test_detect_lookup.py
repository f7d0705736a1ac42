"""Whose silence means that nothing was found."""

import pytest

from agentwatch.detect.lookup import looks_up
from agentwatch.records import Event


def call(tool, arguments=None):
    return Event(id="1", agent="a", op="execute_tool", tool=tool, arguments=arguments)


@pytest.mark.parametrize("tool", ["grep", "search_files", "find_record", "webSearch", "mcp__files__list", "get-user"])
def test_a_look_up_is_told_by_its_name(tool):
    assert looks_up(call(tool))


@pytest.mark.parametrize("tool", ["move_file", "get_or_create_user", "bulkUpdate", "update_search_index", "think", ""])
def test_what_may_change_something_is_none(tool):
    assert not looks_up(call(tool))


@pytest.mark.parametrize("command", ['{"command": "grep -rn \'a b\' /var/log"}', "find / -name x", '{"cmd": "cat a"}'])
def test_a_shells_command_tells(command):
    assert looks_up(call("bash", command))


@pytest.mark.parametrize("command", ['{"command": "rm -rf x"}', "find . -delete", "cat a > b", None, "{}", ""])
def test_a_command_that_may_change_something_is_none(command):
    assert not looks_up(call("bash", command))
