/* classify.py, its commonest answer: a result that none of its rules can take for anything but content.
 *
 * The rules ask for certain words; a bitmap made from them in Python says which words they may be. In doubt this says
 * no and the rules decide, so that a word too many in the bitmap costs time and never changes a class.
 */
#include "bytes.h"

#define JSON_BYTES 4096
#define HEAD_BYTES 240
#define WHOLE_BYTES 480
#define SHORT_WORDS 16

static int is_set(const uint8_t *bits, uint64_t at) { return bits[at / 8] >> at % 8 & 1; }

static int is_watched(uint64_t hash, const uint8_t *bits)
{
    return is_set(bits, hash % WATCH_BITS) && is_set(bits, hash / WATCH_BITS % WATCH_BITS);
}

/* Whether three letters of "failed" stand where they would, in either case: mostly not, and then nothing more is asked. */
static FOR_EACH_MACHINE int may_fail(const uint8_t *at, size_t size)
{
    uint8_t any = 0;
    for (size_t last = 5; last < size; last++)
        any |= (uint8_t)(((at[last - 5] | 32) == 'f') & ((at[last - 2] | 32) == 'l') & ((at[last] | 32) == 'd'));
    return any;
}

static int fails_at_end(view plain)
{
    uint8_t low[HEAD_BYTES];
    const size_t size = plain.size < HEAD_BYTES ? plain.size : HEAD_BYTES;
    if (!may_fail(plain.at + plain.size - size, size))
        return 0;
    for (size_t at = 0; at < size; at++)
        low[at] = lowered(plain.at[plain.size - size + at]);
    return find((view){low, size}, 0, "failed") != NOWHERE;
}

int surely_content(view plain, const uint8_t *watched)
{
    if (plain.size == 0 || ((plain.at[0] == '{' || plain.at[0] == '[') && plain.size <= JSON_BYTES))
        return 0;
    const size_t size = plain.size <= WHOLE_BYTES ? plain.size : HEAD_BYTES;
    uint8_t low[WHOLE_BYTES + PADDING];
    uint64_t hashes[MOST_WORDS];
    word_reader reader;
    start_words(&reader, (view){plain.at, size}, low);
    reader.also = '\'';
    reader.leads = 0;
    size_t words = 0;
    for (size_t count; (count = next_words(&reader)) > 0; words += count) {
        word_hashes(&reader, count, hashes);
        if (words == 0 && is_watched(hashes[0], watched))
            return 0;
        for (size_t at = 0; at < count; at++)
            if (is_watched(hashes[at], watched + WATCH_BITS / 8))
                return 0;
    }
    return words > SHORT_WORDS && !fails_at_end(plain) &&
           find(plain, 0, "Traceback (most recent call last)") == NOWHERE;
}
