/* shape.py and numbers.py: every number as one `0`, and the first numbers of a result. */
#include "bytes.h"

#define LONGEST 15 /* bytes of a number: so few digits, and a power of ten, are exact in a double */

size_t shaped(view masked, const traits *its, uint8_t *out)
{
    size_t size = 0, at = 0;
    while (at < masked.size) {
        const size_t digit = next_digit(its, at);
        const size_t end = digit == NOWHERE ? masked.size : digit;
        memcpy(out + size, masked.at + at, end - at);
        size += end - at;
        at = end;
        if (at == masked.size)
            break;
        out[size++] = '0';
        while (at < masked.size && (is_digit(masked.at[at]) ||
                                    (masked.at[at] == '.' && at + 1 < masked.size && is_digit(masked.at[at + 1]))))
            at++;
    }
    return size;
}

static int joined(uint8_t byte) { return is_alnum(byte) || byte == '_' || byte == '.'; }

static size_t digits_end(view text, size_t at)
{
    while (at < text.size && is_digit(text.at[at]))
        at++;
    return at;
}

/* Read digits with at most one point. Both operands are exact, so that the one division rounds as `float` does. */
static double value_of(view text, size_t start, size_t end)
{
    uint64_t whole = 0, scale = 1;
    int decimals = 0;
    for (size_t at = start; at < end; at++) {
        if (text.at[at] == '.') {
            decimals = 1;
        } else {
            whole = whole * 10 + (uint64_t)(text.at[at] - '0');
            scale *= decimals ? 10 : 1;
        }
    }
    return decimals ? (double)whole / (double)scale : (double)whole;
}

size_t numbers(view masked, const traits *its, double *out)
{
    size_t count = 0;
    size_t at = next_digit(its, 0);
    while (at != NOWHERE && count < MOST_NUMBERS) {
        size_t end = digits_end(masked, at);
        if (at == 0 || !joined(masked.at[at - 1])) {
            if (end + 1 < masked.size && masked.at[end] == '.' && is_digit(masked.at[end + 1]))
                end = digits_end(masked, end + 1);
            const int negative = at > 0 && masked.at[at - 1] == '-' && (at == 1 || !joined(masked.at[at - 2]));
            if (end - at + (size_t)negative <= LONGEST) {
                const double value = value_of(masked, at, end);
                out[count++] = negative ? -value : value;
            }
        }
        at = next_digit(its, end);
    }
    return count;
}
