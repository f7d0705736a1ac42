/* mask.py, "beside the chunks": numbers that a unit or `pid` beside them makes volatile, and names drawn at random. */
#include "bytes.h"

#include <stdlib.h>

#define LONGEST_UNIT 12
#define PID_GAP 3

void add_span(spans *found, size_t start, size_t end)
{
    if (found->count == found->room) {
        const size_t room = found->room ? found->room * 2 : 32;
        span *const list = realloc(found->list, room * sizeof(span));
        if (list == NULL) {
            found->failed = 1;
            return;
        }
        found->list = list;
        found->room = room;
    }
    found->list[found->count++] = (span){start, end};
}

static size_t digits_start(view text, size_t end)
{
    while (end && is_digit(text.at[end - 1]))
        end--;
    return end;
}

/* Take the number that ends at `end`, with its decimals, unless letters are joined to it. */
static void number_up_to(view text, size_t end, spans *found)
{
    size_t start = digits_start(text, end);
    if (start == end || (start && is_alnum(text.at[start - 1])))
        return;
    if (start > 1 && text.at[start - 1] == '.') {
        const size_t whole = digits_start(text, start - 1);
        if (whole < start - 1 && !(whole && is_alnum(text.at[whole - 1])))
            start = whole;
    }
    add_span(found, start, end);
}

static int is_unit(view text, size_t start, size_t size)
{
    static const char *const units[] = {"s",      "ms",      "us",   "ns",    "sec",         "secs",
                                        "second", "seconds", "min",  "mins",  "minute",      "minutes",
                                        "hour",   "hours",   "millisecond",   "milliseconds"};
    for (size_t at = 0; at < sizeof units / sizeof units[0]; at++)
        if (strlen(units[at]) == size && memcmp(text.at + start, units[at], size) == 0)
            return 1;
    return 0;
}

void number_before_unit(view text, size_t space, spans *found)
{
    if (text.at[space] != ' ' || space == 0 || !is_digit(text.at[space - 1]))
        return;
    size_t end = space + 1;
    while (end < text.size && end - space <= LONGEST_UNIT + 1 && is_alnum(text.at[end]))
        end++;
    if (is_unit(text, space + 1, end - space - 1))
        number_up_to(text, space, found);
}

static void microseconds(view text, spans *found)
{
    for (size_t at = find(text, 0, "\xc2\xb5s"); at != NOWHERE; at = find(text, at + 3, "\xc2\xb5s"))
        if (at + 3 == text.size || !is_alnum(text.at[at + 3]))
            number_up_to(text, at && text.at[at - 1] == ' ' ? at - 1 : at, found);
}

static int is_gap(uint8_t byte)
{
    return byte == ' ' || byte == '=' || byte == ':' || byte == '"' || byte == '\'' || byte == '(';
}

void process_id(view text, size_t start, spans *found)
{
    size_t word_end = start, end = start;
    if (start == 0 || !is_digit(text.at[start]) || !is_gap(text.at[start - 1]))
        return;
    while (word_end && start - word_end < PID_GAP && is_gap(text.at[word_end - 1]))
        word_end--;
    if (word_end < 3 || (text.at[word_end - 1] | 32) != 'd' ||
        (memcmp(text.at + word_end - 3, "pid", 3) != 0 && memcmp(text.at + word_end - 3, "PID", 3) != 0))
        return;
    while (end < text.size && is_digit(text.at[end]))
        end++;
    if (end == text.size || !is_alnum(text.at[end]))
        add_span(found, start, end);
}

static int in_name(uint8_t byte)
{
    return is_alnum(byte) || byte == '_' || byte == '.' || byte == '-' || byte == '+';
}

/* Take names under a directory: they begin `back` bytes before its end, and have one segment or two. */
static void temporary_names(view text, const char *directory, size_t back, int segments, spans *found)
{
    const size_t size = strlen(directory) - back;
    for (size_t at = find(text, 0, directory); at != NOWHERE;) {
        const size_t start = at + size;
        size_t end = start;
        for (int segment = 0; segment < segments; segment++) {
            if (segment && end < text.size && text.at[end] == '/')
                end++;
            while (end < text.size && in_name(text.at[end]))
                end++;
        }
        if (end > start)
            add_span(found, start, end);
        at = find(text, end > at + 1 ? end : at + 1, directory);
    }
}

void spans_beside(view text, const traits *its, spans *found)
{
    if (its->wide && next_digit(its, 0) != NOWHERE)
        microseconds(text, found);
    if (its->slashes) {
        temporary_names(text, "/tmp/tmp", 3, 1, found);
        temporary_names(text, "\\Temp\\tmp", 3, 1, found);
        temporary_names(text, "/var/folders/", 0, 2, found);
    }
}
