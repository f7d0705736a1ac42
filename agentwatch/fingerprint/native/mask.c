/* mask.py: where the volatile parts of a text are, and the text with each of them replaced by one `#`. */
#include "bytes.h"
#include "volatile.h"

#include <stdlib.h>

static int in_chunk(uint8_t byte) { return is_alnum(byte) || is_joint(byte); }

/* Take in a date before a clock time ("2024-05-01 10:00:00"): alone, a date is content. */
static size_t with_date(view text, size_t start)
{
    if (start < 11)
        return start;
    const span date = {start - 11, start};
    if (!is_like(text, date, "0000-00-00 ") && !is_like(text, date, "0000/00/00 ") &&
        !is_like(text, date, "0000-00-00_"))
        return start;
    return start > 11 && is_alnum(text.at[start - 12]) ? start : start - 11;
}

/* Take in what follows a comma ("10:00:00,123"). */
static size_t with_fraction(view text, size_t end)
{
    size_t stop = end + 1;
    if (end >= text.size || text.at[end] != ',')
        return end;
    while (stop < text.size && is_digit(text.at[stop]))
        stop++;
    return stop == end + 1 || (stop < text.size && is_alnum(text.at[stop])) ? end : stop;
}

static void take(view text, span part, int kind, spans *found)
{
    const uint8_t first = text.at[part.start];
    if ((kind == EPOCH && first != '1') || (kind == ADDRESS && first != '0') ||
        (kind == STAMP && first != '1' && first != '2'))
        return; /* the rule has taken its runs all the same */
    if (kind == CLOCK)
        part = (span){with_date(text, part.start), with_fraction(text, part.end)};
    add_span(found, part.start, part.end);
}

/* Tell cheaply whether any rule may fit at a run: long chunks are mostly of runs where none does. */
static int may_begin(view text, size_t start, size_t run_end, size_t end)
{
    const size_t size = run_end - start;
    if (size == 0 || (!is_digit(text.at[start]) && !is_hex_letter(text.at[start])))
        return 0;
    const uint8_t last = text.at[run_end - 1];
    if (size >= 8 || size == 4 || last == 's' || last == 'm')
        return 1;
    return run_end < end && (text.at[run_end] == '.' || (text.at[run_end] == ':' && size <= 2));
}

static void parts_of_chunk(view text, size_t start, size_t end, spans *found)
{
    window seen;
    while (start < end) {
        size_t run_end = start;
        while (run_end < end && !is_joint(text.at[run_end]))
            run_end++;
        process_id(text, start, found);
        if (may_begin(text, start, run_end, end)) {
            look(text, start, end, &seen);
            const match fits = fitting(text, &seen);
            if (fits.runs) {
                run_end = seen.runs[fits.runs - 1].end;
                take(text, (span){seen.runs[fits.kept].start, run_end}, fits.kind, found);
            }
        }
        start = run_end + 1;
    }
}

static int by_start(const void *a, const void *b)
{
    const size_t first = ((const span *)a)->start, second = ((const span *)b)->start;
    return (first > second) - (first < second);
}

void volatile_spans(view text, const traits *its, spans *found)
{
    size_t digit = next_digit(its, 0), end = 0;
    while (digit != NOWHERE) {
        size_t start = digit;
        while (start > end && in_chunk(text.at[start - 1]))
            start--;
        for (end = digit; end < text.size && in_chunk(text.at[end]); end++)
            ;
        parts_of_chunk(text, start, end, found);
        if (end < text.size)
            number_before_unit(text, end, found);
        digit = next_digit(its, end);
    }
    spans_beside(text, its, found);
    for (size_t at = 1; at < found->count; at++)
        if (found->list[at].start < found->list[at - 1].start) {
            qsort(found->list, found->count, sizeof(span), by_start);
            break;
        }
}

size_t replaced(view text, const spans *found, uint8_t *out)
{
    size_t size = 0, done = 0;
    for (size_t at = 0; at < found->count; at++) {
        const span part = found->list[at];
        if (part.start >= done) {
            memcpy(out + size, text.at + done, part.start - done);
            size += part.start - done;
            out[size++] = '#';
        }
        if (part.end > done)
            done = part.end;
    }
    memcpy(out + size, text.at + done, text.size - done);
    return size + text.size - done;
}
