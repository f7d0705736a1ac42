"""The words by which results are classed: data, in lower case, without an idea of its own."""

__all__ = [
    "ACK",
    "BARE",
    "DONE_STATES",
    "EMPTY",
    "EXIT_CODES",
    "EXIT_WORDS",
    "FAILED_STATES",
    "FAILURES_AHEAD",
    "FAILURES_WITHIN",
    "FAILURE_STARTS",
    "FAILURE_WORDS",
    "FILLER",
    "FRAME",
    "FRAMES",
    "FRAME_FIRST",
    "FRAME_KEYS",
    "GOOD_NONE",
    "HTTP_FIRST",
    "HTTP_STARTS",
    "NONE_FIRST",
    "NONE_LAST",
    "PAGING_KEYS",
    "PAYLOAD_KEYS",
    "PENDING_FIRST",
    "PENDING_STARTS",
    "PENDING_STATES",
    "PENDING_WITHIN",
    "PENDING_WORDS",
    "PLAIN",
    "SIZES",
]


def _plain() -> bytes:
    kept = b"abcdefghijklmnopqrstuvwxyz0123456789_'"
    return bytes(byte if byte in kept or byte >= 0x80 else 32 for byte in range(256))


def _set(words: str) -> frozenset[bytes]:
    return frozenset(word.encode() for word in words.split())


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


def _lines(text: str) -> tuple[bytes, ...]:
    return tuple(line.strip().encode() for line in text.strip().split("|"))


PLAIN = _plain()

_STARTS = (
    *_lines(
        "error:|error executing|error while|error in |error reading|error running|error calling|error occurred|an error"
        "|tool_use_error|tool error|error -|errno|err:|exception|traceback (most|fatal:|fatal error|panic:|failed:"
        "|failed to|failure:|fail:|cannot |can't |could not |couldn't |unable to |permission denied|access denied"
        "|access is denied|command timed out|command failed|timed out|timeout:|timeout error|request timed out"
        "|not found:|no such |unknown command|unknown tool|unknown column|unknown error|invalid argument|invalid input"
        "|invalid option|invalid json|invalid request|invalid syntax|invalid parameter|invalid tool|malformed"
        "|bad request|unauthorized|forbidden|internal server error|too many requests|service unavailable|bad gateway"
        "|gateway timeout|rate limit|connection refused|connection reset|connection error|segmentation fault"
        "|syntaxerror|typeerror|valueerror|keyerror|nameerror|indexerror|attributeerror|importerror|assertionerror"
        "|modulenotfounderror|filenotfounderror|runtimeerror|oserror|ioerror|permissionerror|timeouterror"
        "|zerodivisionerror|unicodedecodeerror|jsondecodeerror|operation not permitted|tool not found|file not found"
        "|e: unable|npm err!|oci runtime exec failed|test failed|tests failed|build failed|compilation failed|aborted"
        "|400 bad request|401 unauthorized|403 forbidden|404 not found|408 request time|409 conflict|422 unprocess"
        "|429 too many|500 internal|502 bad gateway|503 service|504 gateway|529 overloaded|overloaded|overloaded_error"
        "|request failed|operation failed|query failed|call failed|execution failed|unhandled exception"
        "|error at |error after"
        "|failed at |failed after|failed with|failed (|failed [|failed test|failed all"
        "|failed 1|failed 2|failed 3|failed 4|failed 5|failed 6|failed 7|failed 8|failed 9"
    ),
    b"error (",
    b"error!",
    b"error [",
)


def _by_first_word(starts: tuple[bytes, ...]) -> dict[bytes, tuple[bytes, ...]]:
    found: dict[bytes, tuple[bytes, ...]] = {}
    for start in starts:
        first = start.translate(PLAIN).split()[0]
        found[first] = (*found.get(first, ()), start)
    return found


FAILURE_STARTS = _by_first_word(_STARTS)
FAILURES_WITHIN = _lines(
    "command not found|no such file or directory|permission denied|syntax error|is not recognized as|does not exist"
    "|doesn't exist|execution failed|unexpected eof|invalid option|cannot open|returned non-zero exit"
    "|unhandled exception|connection refused|operation not permitted|did not pass|is a directory|not a directory"
    "|: failed to |: cannot |: file exists|too many arguments|requires an argument"
)
FAILURES_AHEAD = _lines(": command not found|syntax error near")  # also at the head of a long text
# One word of each phrase above: where none of them occurs, no phrase does.
FAILURE_WORDS = _set(
    "found such permission syntax recognized exist execution eof option cannot non zero unhandled refused permitted"
    " pass directory failed exists arguments argument"
)
HTTP_FIRST = _set("http status api client server error")
HTTP_STARTS = (
    *_lines("http/1.1|http/1.0|http/2|http error|http status code|http status|http|status code|api error|client error"),
    b"server error",
    b"error code",
    b"error",
)
EXIT_CODES = (
    *_lines("exit code|exitcode|exit_code|exit status|returncode|return code|exited with code"),
    b"exited with status",
)

EXIT_WORDS = _set("exit exitcode exit_code returncode return exited")

EMPTY = frozenset(
    _lines(
        "null|none|nil|undefined|empty|nothing|no output|no result|no results|no results found|no matches"
        "|no matches found|no match|no match found|no data|no content|no rows|0 rows|0 results|0 matches"
        "|no files found|no entries|empty result|empty response|empty string|n a|no output was produced"
        "|tool ran without output or errors|command executed with no output|command completed with no output"
        "|command executed successfully with no output|the command completed successfully with no output"
        "|command ran successfully and did not produce any output|your command ran successfully and did not produce"
        " any output|tool ran successfully but produced no output|no output from command|no response|no stdout"
    )
)
# "no customer found", "0 messages": the first word, what the last may be, and what it is good to have none of.
NONE_FIRST = _set("no zero 0 empty")
NONE_LAST = _set(
    "found matches matched match available returned result results item items row rows record records entry entries"
    " message messages data file files hit hits document documents content response set list array page pages email"
    " emails event events ticket tickets"
)
GOOD_NONE = _set(
    "error errors issue issues problem problems warning warnings failure failures conflict conflicts change changes"
    " vulnerability vulnerabilities violation violations objection objections difference differences regression"
    " regressions duplicate duplicates test tests"
)
FRAME = _set(
    "exit code exitcode exit_code returncode status execution succeeded stdout stderr output result results return"
    " value null none empty"
)
FRAME_FIRST = _set("exit exitcode exit_code returncode return code command output stdout stderr result results")
FRAMES = _lines(
    "exitcode: 0 (execution succeeded)|exit code: 0|exit code 0|exit code = 0|exit_code: 0|exit_code=0|exitcode: 0"
    "|exitcode=0|returncode: 0|returncode=0|return code: 0|command output:|code output:|output:|stdout:|stderr:"
    "|stdout=|stderr=|result:|results:|return value:"
)
PENDING_STARTS = _lines("in progress|in_progress|queued|still |not ready|not finished|not yet|please wait|waiting for")
PENDING_FIRST = _set("running processing pending waiting building starting")  # of a text of few words
PENDING_WITHIN = _lines(
    "still running|still in progress|is in progress|in progress|is running|is queued|is pending|still processing"
    "|being processed|not yet complete|not yet ready|not ready yet|status running|status pending|status queued"
    "|state running|state pending|is still"
)
PENDING_WORDS = _set("still progress running queued pending processed yet ready")
BARE = _set(
    "str int float bool list dict tuple set bytes object string number boolean array nonetype function integer"
    " <binary> [binary] <object> text/plain application/json application/octet-stream image/png image/jpeg"
) | {b"[object object]", b"[binary data]", b"<binary data>"}
SIZES = _set("bytes byte b kb mb gb kib mib chars characters lines tokens items")

ACK = _set(
    "ok okay success successful successfully succeeded done written wrote saved created updated edited deleted removed"
    " added applied sent completed complete finished acknowledged ack accepted received replaced inserted appended"
    " modified committed installed stored registered confirmed submitted skipped moved copied renamed uploaded set"
    " noted recorded posted filled logged"
)
FILLER = _set(
    "the a an file files has have been was were is are to at in on into with of for and your it all now that this"
    " operation command executed ran task message email messages change changes edit update record entry item data"
    " content contents request response result results todo todos list memory note transfer booking order line lines"
    " byte bytes chars characters row rows affected query document page directory folder exit code exitcode status"
    " execution output 0 no errors up new plan comment field"
)
PENDING_STATES = _names(
    "running in_progress inprogress queued pending processing waiting starting scheduled building started not_ready"
    " submitted incomplete"
)
DONE_STATES = _names("ok okay success successful succeeded done completed complete finished accepted") | {
    200,
    201,
    202,
    204,
}
FAILED_STATES = _names("error failed failure fail denied timeout timed_out aborted")
FRAME_KEYS = _names(
    "status state ok success exit_code exitcode returncode return_code code status_code statuscode duration duration_ms"
    " duration_s elapsed elapsed_ms took type iserror is_error error errors truncated timed_out interrupted"
    " wall_time_s isimage"
)
PAGING_KEYS = _names(
    "next next_cursor nextcursor next_page nextpage next_token nextpagetoken cursor has_more hasmore more page pages"
    " page_size pagesize per_page limit offset total total_count totalcount count previous prev query took"
)
PAYLOAD_KEYS = _names(
    "output result results content contents data text stdout stderr message response value body items rows"
)
