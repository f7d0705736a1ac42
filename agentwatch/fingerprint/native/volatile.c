/* volatile.py: the rules over runs, in the order in which they are tried. */
#include "volatile.h"

#define SQUEEZED 9 /* the longest duration, "0h0m0s0ms" */

static size_t length(span run) { return run.end - run.start; }

int is_like(view text, span run, const char *pattern)
{
    if (length(run) != strlen(pattern))
        return 0;
    for (size_t at = run.start; at < run.end; at++, pattern++)
        if (*pattern == '0' ? !is_digit(text.at[at]) : text.at[at] != (uint8_t)*pattern)
            return 0;
    return 1;
}

static int is_digits(view text, span run)
{
    for (size_t at = run.start; at < run.end; at++)
        if (!is_digit(text.at[at]))
            return 0;
    return run.end > run.start;
}

/* Tell whether a run is hexadecimal: 0, or 1 for letters or digits alone, 3 with a digit and a letter. */
static int hexadecimal(view text, span run)
{
    int digits = 0, letters = 0;
    for (size_t at = run.start; at < run.end; at++) {
        if (is_digit(text.at[at]))
            digits = 1;
        else if (is_hex_letter(text.at[at]))
            letters = 1;
        else
            return 0;
    }
    return digits + letters == 2 ? 3 : digits + letters;
}

static int holds_digit(view text, size_t start, size_t end)
{
    while (start < end)
        if (is_digit(text.at[start++]))
            return 1;
    return 0;
}

void look(view text, size_t start, size_t end, window *seen)
{
    memset(seen->joints, 0, sizeof seen->joints);
    for (seen->count = 0; seen->count < WINDOW; start++) {
        span *const run = seen->runs + seen->count;
        run->start = start;
        while (start < end && !is_joint(text.at[start]))
            start++;
        run->end = start;
        seen->count++;
        if (start == end)
            return;
        if (seen->count < WINDOW)
            seen->joints[seen->count - 1] = (char)text.at[start];
    }
}

static match identifier(view text, const window *seen)
{
    static const size_t uuid[] = {8, 4, 4, 4, 12};
    const span run = seen->runs[0];
    const int kind = length(run) >= 8 ? hexadecimal(text, run) : 0;
    if (kind && strncmp(seen->joints, "----", 4) == 0) {
        int fits = 1;
        for (int at = 0; at < 5; at++)
            fits = fits && length(seen->runs[at]) == uuid[at] && hexadecimal(text, seen->runs[at]);
        if (fits)
            return (match){holds_digit(text, run.start, seen->runs[4].end) ? 5 : 0, PLAIN, 0};
    }
    if (kind == 3)
        return (match){1, PLAIN, 0};
    if (length(run) >= 8 && is_digit(text.at[run.start]) && text.at[run.start + 1] == 'x' &&
        hexadecimal(text, (span){run.start + 2, run.end}))
        return (match){1, ADDRESS, 0};
    return (match){0, NONE, 0};
}

/* Count the runs from `from` on that are minutes, seconds and their fraction; 0 when it is no time of day. */
static int after_hour(view text, const window *seen, int from, int seconds)
{
    const char *joints = seen->joints + from - 1;
    const span *runs = seen->runs + from;
    int count = 0, zulu = 0;
    while (count < 2 && !zulu && joints[count] == ':' &&
           (is_like(text, runs[count], "00") || is_like(text, runs[count], "00Z"))) {
        zulu = length(runs[count]) == 3;
        count++;
    }
    if (count == 0 || (seconds && count < 2))
        return 0;
    if (joints[count] == '.' && !zulu) {
        span fraction = runs[count];
        if (fraction.end > fraction.start && text.at[fraction.end - 1] == 'Z')
            fraction.end--;
        count += is_digits(text, fraction);
    }
    return count;
}

static match moment(view text, const window *seen)
{
    const span run = seen->runs[0];
    const char joint = seen->joints[0];
    if (is_like(text, run, "0000") && strncmp(seen->joints, "--:", 3) == 0 && is_like(text, seen->runs[1], "00") &&
        is_like(text, seen->runs[2], "00T00")) {
        const int ahead = after_hour(text, seen, 3, 0);
        return (match){ahead ? 3 + ahead : 0, PLAIN, 0};
    }
    if (is_like(text, run, "0") || is_like(text, run, "00")) {
        const int ahead = after_hour(text, seen, 1, 1);
        return (match){ahead ? 1 + ahead : 0, CLOCK, 0};
    }
    if (is_like(text, run, "00000000T000000") || is_like(text, run, "00000000T000000Z"))
        return (match){1, STAMP, 0};
    if (is_like(text, run, "00000000") && (joint == '_' || joint == '-') && is_like(text, seen->runs[1], "000000"))
        return (match){2, STAMP, 0};
    const size_t digits = length(run);
    if ((digits == 10 || digits == 13 || digits == 16 || digits == 19) && is_digits(text, run))
        return (match){joint == '.' && is_digits(text, seen->runs[1]) ? 2 : 1, EPOCH, 0};
    return (match){0, NONE, 0};
}

/* Write a run of digits and letters with each number as one `0`; an empty string when that is too long. */
static void squeezed(view text, span run, char *out)
{
    size_t size = 0;
    for (size_t at = run.start; at < run.end; at++) {
        const uint8_t byte = is_digit(text.at[at]) ? '0' : text.at[at];
        if (byte == '0' && size && out[size - 1] == '0')
            continue;
        if (size == SQUEEZED) {
            size = 0;
            break;
        }
        out[size++] = (char)byte;
    }
    out[size] = '\0';
}

static int is_one_of(const char *found, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(found, *words) == 0)
            return 1;
    return 0;
}

static match quantity(view text, const window *seen)
{
    static const char *const durations[] = {"0s",   "0ms",    "0us",    "0ns",      "0m0s",      "0s0ms",
                                            "0h0m", "0h0s",   "0h0m0s", "0m0s0ms",  "0h0m0s0ms", NULL};
    static const char *const before_point[] = {"0", "0m0", "0h0", "0h0m0", NULL};
    char whole[SQUEEZED + 1], part[SQUEEZED + 1];
    squeezed(text, seen->runs[0], whole);
    if (is_one_of(whole, durations))
        return (match){1, PLAIN, 0};
    if (seen->joints[0] == '.' && is_one_of(whole, before_point)) {
        squeezed(text, seen->runs[1], part);
        if (is_one_of(part, durations))
            return (match){2, PLAIN, 0};
    }
    if (strncmp(seen->joints, "...:", 4) == 0 && is_like(text, seen->runs[4], "00000")) {
        for (int at = 0; at < 4; at++)
            if (length(seen->runs[at]) > 3 || !is_digits(text, seen->runs[at]))
                return (match){0, NONE, 0};
        return (match){5, PLAIN, 4};
    }
    return (match){0, NONE, 0};
}

match fitting(view text, const window *seen)
{
    match found = identifier(text, seen);
    if (!found.runs)
        found = moment(text, seen);
    return found.runs ? found : quantity(text, seen);
}
