/* words.py and sketch.py: one-permutation MinHash over words and pairs of words, and how many words there are. */
#include "bytes.h"

#define HEAD 0x9E3779B97F4A7C15u
#define TAIL 0xC2B2AE3D27D4EB4Fu
#define LENGTH 0x165667B19E3779F9u
#define PAIR 0xFF51AFD7ED558CCDu
#define MIX 0xD6E8FEB86659FD93u
#define UNMET UINT64_MAX
#define LEAD 0xE0 /* from this byte on a character begins a word of its own */
#define ONES 0x0101010101010101u

typedef struct {
    uint64_t least[BINS];
    uint64_t before; /* the hash of the word before */
    size_t words;
} table;

static inline uint64_t mixed(uint64_t value)
{
    value ^= value >> 32;
    value *= MIX;
    value ^= value >> 32;
    value *= MIX;
    return value ^ value >> 32;
}

static inline uint64_t hash_of(uint64_t head, uint64_t tail, size_t size)
{
    return mixed(head * HEAD + tail * TAIL + size * LENGTH);
}

uint64_t word_hash(const uint8_t *word, size_t size)
{
    if (size >= 8)
        return hash_of(load64(word), load64(word + size - 8), size);
    const uint64_t all = load64(word) & ((UINT64_C(1) << 8 * size) - 1);
    return hash_of(all, all, size);
}

static inline void put(table *bins, uint64_t hash)
{
    uint64_t *const bin = bins->least + (hash >> 58);
    *bin = hash < *bin ? hash : *bin;
}

static inline void add(table *bins, uint64_t hash)
{
    put(bins, hash);
    if (bins->words++)
        put(bins, mixed(bins->before * PAIR + hash));
    bins->before = hash;
}

/* Write the text in lower case with a space for what belongs to no word; returns the or of all bytes. */
static uint8_t lower(view text, uint8_t *low)
{
    uint8_t all = 0;
    for (size_t at = 0; at < text.size; at++) {
        const uint8_t byte = text.at[at];
        const uint8_t small = (uint8_t)(byte + (within(byte, 'A', 'Z') ? 32 : 0));
        const int word = within(small, 'a', 'z') | within(byte, '0', '9') | (byte == '_') | (byte >= 0x80);
        low[at] = word ? small : ' ';
        all |= byte;
    }
    memset(low + text.size, ' ', PADDING);
    return all;
}

/* Flag the spaces of eight bytes of ASCII, the first of them rightly: a borrow can only spoil what is after one. */
static inline uint64_t gaps(uint64_t bytes) { return (bytes - ONES * 0x21) & ~bytes & ONES * 0x80; }

static void ascii_words(const uint8_t *low, size_t size, table *bins)
{
    size_t at = 0;
    while (at < size) {
        uint64_t head = load64(low + at), tail, gap = gaps(head);
        size_t length = 8;
        if (gap) {
            length = (size_t)__builtin_ctzll(gap) / 8;
            if (length == 0) {
                at++;
                continue;
            }
            head &= (UINT64_C(1) << 8 * length) - 1;
            tail = head;
        } else {
            while (!(gap = gaps(load64(low + at + length))))
                length += 8;
            length += (size_t)__builtin_ctzll(gap) / 8;
            tail = load64(low + at + length - 8);
        }
        add(bins, hash_of(head, tail, length));
        at += length + 1;
    }
}

static void other_words(const uint8_t *low, size_t size, table *bins)
{
    size_t at = 0;
    while (at < size) {
        if (low[at] == ' ') {
            at++;
            continue;
        }
        const size_t start = at++;
        while (at < size && low[at] != ' ' && low[at] < LEAD)
            at++;
        add(bins, word_hash(low + start, at - start));
    }
}

/* Fill each bin that no shingle met from the nearest one that was, and keep the low bytes. */
static void densified(uint64_t *least, uint8_t *out)
{
    for (int step = 1; step < BINS; step *= 2) {
        uint64_t old[BINS];
        memcpy(old, least, sizeof old);
        for (int bin = 0; bin < BINS; bin++)
            least[bin] = old[bin] == UNMET ? old[bin ^ step] : old[bin];
    }
    for (int bin = 0; bin < BINS; bin++)
        out[bin] = (uint8_t)least[bin];
}

size_t sketched(view part, uint8_t *room, uint8_t *out)
{
    table bins = {.words = 0};
    memset(bins.least, 0xFF, sizeof bins.least);
    if (lower(part, room) < 0x80)
        ascii_words(room, part.size, &bins);
    else
        other_words(room, part.size, &bins);
    if (out != NULL && bins.words)
        densified(bins.least, out);
    return bins.words;
}
