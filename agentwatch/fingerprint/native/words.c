/* words.py: where words begin and end, found for 64 bytes at a time, so that no branch depends on a word's length. */
#include "vectors.h"

/* A bit for each byte of a block that is in a word, and for each from 0xE0 on. */
typedef struct {
    uint64_t words, leads;
} marks;

/* Write a block in lower case, with a space for what belongs to no word. */
static inline marks lowered_block(const uint8_t *block, uint8_t also, uint8_t *low)
{
    marks found = {0, 0};
    for (int at = 0; at < BLOCK; at += LANES) {
        const lanes bytes = load_lanes(block + at);
        const lanes small = bytes + (lanes_within(bytes, 'A', 'Z') & 32);
        const lanes words = lanes_within(small, 'a', 'z') | lanes_within(bytes, '0', '9') | lanes_equal(bytes, '_') |
                            lanes_equal(bytes, also) | (lanes)(bytes >= 0x80);
        const lanes out = (small & words) | (~words & ' ');
        memcpy(low + at, &out, sizeof out);
        found.words |= bits_of(words) << at;
        found.leads |= bits_of((lanes)(bytes >= 0xE0)) << at;
    }
    return found;
}

/* Write the places of the bits; a fixed number of them, and more only where there are more. Returns how many there are. */
static inline size_t places_of(uint64_t bits, size_t at, size_t *out)
{
    const uint64_t last = UINT64_C(1) << (BLOCK - 1); /* there is no lowest bit of nought */
    const size_t count = (size_t)__builtin_popcountll(bits);
    for (int place = 0; place < SURPLUS; place++, bits &= bits - 1)
        out[place] = at + (size_t)__builtin_ctzll(bits | last);
    for (size_t place = SURPLUS; place < count; place++, bits &= bits - 1)
        out[place] = at + (size_t)__builtin_ctzll(bits);
    return count;
}

void start_words(word_reader *reader, view text, uint8_t *low)
{
    reader->text = text;
    reader->low = low;
    reader->also = '_';
    reader->leads = 1;
    reader->at = reader->open = reader->opened = 0;
    reader->within = 0;
}

FOR_EACH_MACHINE size_t next_words(word_reader *reader)
{
    const view text = reader->text;
    size_t begun = reader->open, ended = 0;
    reader->starts[0] = reader->opened;
    while (ended + BLOCK <= MOST_WORDS && reader->at <= text.size) { /* the last block ends in none of the text's bytes */
        uint8_t rest[BLOCK] = {0};
        const uint8_t *block = text.at + reader->at;
        if (text.size - reader->at < BLOCK) {
            memcpy(rest, block, text.size - reader->at);
            block = rest;
        }
        marks found = lowered_block(block, reader->also, reader->low + reader->at);
        if (!reader->leads)
            found.leads = 0;
        const uint64_t before = found.words << 1 | reader->within;
        reader->within = found.words >> (BLOCK - 1);
        begun += places_of(found.words & (~before | found.leads), reader->at, reader->starts + begun);
        ended += places_of(before & (~found.words | found.leads), reader->at, reader->ends + ended);
        reader->at += BLOCK;
    }
    reader->open = begun - ended;
    if (reader->open)
        reader->opened = reader->starts[ended];
    return ended;
}
