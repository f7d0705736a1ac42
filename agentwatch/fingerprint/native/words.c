/* words.py: where words begin and end, found for 64 bytes at a time, so that no branch depends on a word's length. */
#include "bytes.h"

#define BLOCK 64

/* Make a number of eight bits from the top bits of eight bytes; the first byte is the lowest bit. */
static uint64_t gathered(uint64_t flags) { return ((flags >> 7) * UINT64_C(0x0102040810204080)) >> 56; }

/* Flag the bytes that are not spaces: adding 0x7F to seven bits reaches the top bit unless they are all nought. */
static uint64_t in_words(uint64_t bytes)
{
    const uint64_t other = bytes ^ EACH * ' ';
    return (((other & EACH * 0x7F) + EACH * 0x7F) | other) & EACH * 0x80;
}

/* Flag the bytes from 0xE0 on: those whose three top bits are set. */
static uint64_t are_leads(uint64_t bytes) { return bytes & bytes << 1 & bytes << 2 & EACH * 0x80; }

void start_words(word_reader *reader, const uint8_t *low, size_t size, int leads)
{
    reader->low = low;
    reader->size = size;
    reader->leads = leads;
    reader->at = reader->open = reader->opened = 0;
    reader->within = 0;
}

size_t next_words(word_reader *reader)
{
    size_t begun = reader->open, ended = 0;
    reader->starts[0] = reader->opened;
    while (ended + BLOCK <= MOST_WORDS && reader->at <= reader->size) {
        uint64_t words = 0, leads = 0; /* spaces follow the text, so that its last word ends like any other */
        for (size_t byte = 0; byte < BLOCK; byte += 8) {
            const uint64_t bytes = load64(reader->low + reader->at + byte);
            words |= gathered(in_words(bytes)) << byte;
            if (reader->leads)
                leads |= gathered(are_leads(bytes)) << byte;
        }
        const uint64_t before = words << 1 | reader->within;
        reader->within = words >> (BLOCK - 1);
        for (uint64_t starts = words & (~before | leads); starts; starts &= starts - 1)
            reader->starts[begun++] = reader->at + (size_t)__builtin_ctzll(starts);
        for (uint64_t ends = before & (~words | leads); ends; ends &= ends - 1)
            reader->ends[ended++] = reader->at + (size_t)__builtin_ctzll(ends);
        reader->at += BLOCK;
    }
    reader->open = begun - ended;
    if (reader->open)
        reader->opened = reader->starts[ended];
    return ended;
}
