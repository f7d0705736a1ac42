/* What of a text its masks ask for, in one pass: where its digits are, and what else may be in it at all. */
#include "vectors.h"

/* Look at a block; returns its digits, a bit each. */
static inline uint64_t look_at(const uint8_t *block, lanes *all, lanes *slashes)
{
    uint64_t digits = 0;
    for (int at = 0; at < BLOCK; at += LANES) {
        const lanes bytes = load_lanes(block + at);
        digits |= bits_of(lanes_within(bytes, '0', '9')) << at;
        *slashes |= lanes_equal(bytes, '/') | lanes_equal(bytes, '\\');
        *all |= bytes;
    }
    return digits;
}

void find_traits(view text, traits *its)
{
    lanes all = {0}, slashes = {0};
    uint8_t rest[BLOCK] = {0};
    const size_t whole = text.size / BLOCK;
    for (size_t block = 0; block < whole; block++)
        its->digits[block] = look_at(text.at + block * BLOCK, &all, &slashes);
    if (text.size % BLOCK)
        memcpy(rest, text.at + whole * BLOCK, text.size % BLOCK);
    its->digits[whole] = look_at(rest, &all, &slashes);
    its->size = text.size;
    its->slashes = bits_of(slashes) != 0;
    its->wide = bits_of((lanes)(all >= 0x80)) != 0;
}
