/* words.py and sketch.py: one-permutation MinHash over words and pairs of words, and how many words there are. */
#include "bytes.h"

#define HEAD 0x9E3779B97F4A7C15u
#define TAIL 0xC2B2AE3D27D4EB4Fu
#define LENGTH 0x165667B19E3779F9u
#define PAIR 0xFF51AFD7ED558CCDu
#define MIX 0xD6E8FEB86659FD93u
#define UNMET UINT64_MAX
#define EACH_SECOND UINT64_C(0x00FF00FF00FF00FF)
#define EACH_SECOND_PAIR UINT64_C(0x0000FFFF0000FFFF)

static const uint64_t first_bytes[] = {
    0,          0xFF,          0xFFFF,          0xFFFFFF,          0xFFFFFFFF, 0xFFFFFFFFFF, 0xFFFFFFFFFFFF,
    0xFFFFFFFFFFFFFF, UINT64_MAX,
};

static inline uint64_t mixed(uint64_t value)
{
    value ^= value >> 32;
    value *= MIX;
    value ^= value >> 32;
    value *= MIX;
    return value ^ value >> 32;
}

uint64_t word_hash(const uint8_t *word, size_t size)
{
    const uint64_t kept = first_bytes[size < 8 ? size : 8];
    const uint64_t head = load64(word) & kept, tail = load64(word + (size < 8 ? 0 : size - 8)) & kept;
    return mixed(head * HEAD + tail * TAIL + size * LENGTH);
}

void FOR_EACH_MACHINE word_hashes(const word_reader *reader, size_t count, uint64_t *hashes)
{
    uint64_t heads[MOST_WORDS], tails[MOST_WORDS], sizes[MOST_WORDS];
    for (size_t at = 0; at < count; at++) {
        const uint8_t *const word = reader->low + reader->starts[at];
        const size_t size = reader->ends[at] - reader->starts[at], over = size < 8 ? 0 : size - 8;
        const uint64_t kept = UINT64_MAX >> (8 * (8 - (size - over)));
        heads[at] = load64(word) & kept;
        tails[at] = load64(word + over) & kept;
        sizes[at] = size;
    }
    for (size_t at = 0; at < count; at++) /* apart, so that the compiler may take several at once */
        hashes[at] = mixed(heads[at] * HEAD + tails[at] * TAIL + sizes[at] * LENGTH);
}

/* Hash each word with the next: one more word than pairs. */
static FOR_EACH_MACHINE void pair_hashes(const uint64_t *words, size_t count, uint64_t *pairs)
{
    for (size_t at = 0; at < count; at++)
        pairs[at] = mixed(words[at] * PAIR + words[at + 1]);
}

static void put_all(uint64_t *least, const uint64_t *hashes, size_t count)
{
    for (size_t at = 0; at < count; at++) {
        uint64_t *const bin = least + (hashes[at] >> 58);
        *bin = hashes[at] < *bin ? hashes[at] : *bin;
    }
}

#define WORDS (BINS / 8) /* numbers of eight bytes, one byte for each bin */

/* Bring to each bin the byte of bin `i ^ step`. */
static inline void crossed(const uint64_t *bins, unsigned step, uint64_t *out)
{
    const unsigned bits = 8 * step;
    const uint64_t low = step == 1 ? EACH_SECOND : step == 2 ? EACH_SECOND_PAIR : UINT32_MAX;
    for (unsigned word = 0; word < WORDS; word++)
        out[word] = step < 8 ? (bins[word] & low) << bits | (bins[word] >> bits & low) : bins[word ^ step / 8];
}

/* Keep the low byte of each bin; one that no shingle met takes that of the nearest one that was. */
static FOR_EACH_MACHINE void densified(const uint64_t *least, uint8_t *out)
{
    uint64_t bins[WORDS], unmet[WORDS], other[WORDS], other_unmet[WORDS], any = 0;
    uint8_t empty[BINS];
    for (int bin = 0; bin < BINS; bin++) {
        out[bin] = (uint8_t)least[bin];
        empty[bin] = least[bin] == UNMET ? 0xFF : 0;
    }
    memcpy(bins, out, sizeof bins);
    memcpy(unmet, empty, sizeof unmet);
    for (int word = 0; word < WORDS; word++)
        any |= unmet[word];
    for (unsigned step = 1; step < BINS && any; step *= 2) {
        crossed(bins, step, other);
        crossed(unmet, step, other_unmet);
        any = 0;
        for (int word = 0; word < WORDS; word++) {
            bins[word] = (bins[word] & ~unmet[word]) | (other[word] & unmet[word]);
            unmet[word] &= other_unmet[word];
            any |= unmet[word];
        }
    }
    memcpy(out, bins, sizeof bins);
}

size_t sketched(view part, uint8_t *room, uint8_t *out)
{
    uint64_t least[BINS], hashes[MOST_WORDS + 1], pairs[MOST_WORDS]; /* before the hashes the last of those before */
    size_t words = 0;
    word_reader reader;
    memset(least, 0xFF, sizeof least);
    start_words(&reader, part, room);
    for (size_t count; (count = next_words(&reader)) > 0; words += count) {
        if (out == NULL)
            continue;
        const size_t first = words == 0; /* has none before it */
        word_hashes(&reader, count, hashes + 1);
        pair_hashes(hashes + first, count - first, pairs);
        put_all(least, hashes + 1, count);
        put_all(least, pairs, count - first);
        hashes[0] = hashes[count];
    }
    if (out != NULL && words)
        densified(least, out);
    return words;
}

size_t shingled(view part, uint8_t *room, uint64_t *words, uint64_t *pairs)
{
    word_reader reader;
    size_t all = 0;
    start_words(&reader, part, room);
    for (size_t count; (count = next_words(&reader)) > 0; all += count)
        word_hashes(&reader, count, words + all);
    if (all)
        pair_hashes(words, all - 1, pairs);
    return all;
}

view sketched_part(view text, size_t cap, uint8_t *room)
{
    const size_t half = cap / 2;
    if (text.size <= cap)
        return text;
    memcpy(room, text.at, half);
    room[half] = ' ';
    memcpy(room + half + 1, text.at + text.size - half, half);
    return (view){room, 2 * half + 1};
}
