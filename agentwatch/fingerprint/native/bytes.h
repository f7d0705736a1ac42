/* What every part of the compiled form shares: views of bytes, loads, and classes of bytes.
 *
 * Each function here has a pure form in the Python module of the same name, which is its oracle: the property tests
 * compare them on arbitrary text. Nothing here calls back into Python except module.c.
 */
#ifndef AGENTWATCH_BYTES_H
#define AGENTWATCH_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const uint8_t *at;
    size_t size;
} view;

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || SIZE_MAX != UINT64_MAX
#error "the compiled forms are for machines of 64 bits with the lowest byte first; on others the pure form runs"
#endif

/* A function that is built several times, for what machines have; which one runs is settled when the module is loaded.
 * Only where the loader can do that: elsewhere there is the one for every machine. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define FOR_EACH_MACHINE __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#endif
#endif
#ifndef FOR_EACH_MACHINE
#define FOR_EACH_MACHINE
#endif

#define NOWHERE SIZE_MAX                /* no such place */
#define EACH UINT64_C(0x0101010101010101) /* times a byte: that byte eight times */

static inline uint32_t load32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t load64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* One comparison a range: an unsigned difference is small only within it. */
static inline int within(uint8_t byte, uint8_t first, uint8_t last)
{
    return (uint8_t)(byte - first) <= (uint8_t)(last - first);
}

static inline int is_digit(uint8_t byte) { return within(byte, '0', '9'); }

static inline int is_alnum(uint8_t byte)
{
    return is_digit(byte) || within(byte, 'A', 'Z') || within(byte, 'a', 'z');
}

static inline uint8_t lowered(uint8_t byte) { return within(byte, 'A', 'Z') ? byte + 32 : byte; }

/* Find a needle of at least one byte from a place on; NOWHERE without one. Its first byte should be rare. */
static inline size_t find(view text, size_t from, const char *needle)
{
    const size_t size = strlen(needle);
    while (from < text.size && size <= text.size - from) {
        const uint8_t *hit = memchr(text.at + from, needle[0], text.size - from - size + 1);
        if (hit == NULL)
            return NOWHERE;
        from = (size_t)(hit - text.at);
        if (memcmp(hit, needle, size) == 0)
            return from;
        from++;
    }
    return NOWHERE;
}

/* digest.c */
uint64_t xxh3_64(view text);

/* fold.c: fold and fold_ascii return the size written, or NOWHERE when the pure form must do it. `out` holds as much as the text. */
int is_folded(view ascii);
size_t fold(view text, uint8_t *out);
size_t fold_ascii(view text, uint8_t *out);
size_t unbroken(view json, uint8_t *out, int *ascii); /* with escaped line breaks and tabs as spaces */

/* traits.c: what a text's bytes are, found in one pass */
#define BLOCK 64 /* bytes that are looked at together: a bit each */
typedef struct {
    uint64_t *digits; /* a bit for each byte; as many as blocks_of tells */
    size_t size;      /* of the text */
    int slashes, wide; /* whether a byte is `/` or a backslash, and whether one is not ASCII */
} traits;
static inline size_t blocks_of(size_t size) { return size / BLOCK + 1; }
void find_traits(view text, traits *its); /* its->digits has room */

static inline size_t next_digit(const traits *its, size_t from)
{
    if (from >= its->size)
        return NOWHERE;
    size_t block = from / BLOCK;
    uint64_t digits = its->digits[block] >> from % BLOCK << from % BLOCK;
    while (!digits) {
        if (++block * BLOCK >= its->size)
            return NOWHERE;
        digits = its->digits[block];
    }
    return block * BLOCK + (size_t)__builtin_ctzll(digits);
}

/* mask.c */
typedef struct {
    size_t start, end;
} span;
typedef struct {
    span *list;
    size_t count, room;
    int failed; /* memory ran out */
} spans;
void volatile_spans(view text, const traits *its, spans *found); /* in order of their starts; the caller frees found->list */
size_t replaced(view text, const spans *found, uint8_t *out);

/* beside.c: volatile tokens that a word beside a number makes so */
void add_span(spans *found, size_t start, size_t end);
void number_before_unit(view text, size_t space, spans *found);
void process_id(view text, size_t start, spans *found); /* a number that a gap parts from `pid` */
void spans_beside(view text, const traits *its, spans *found);

/* shape.c */
#define MOST_NUMBERS 8
size_t shaped(view masked, const traits *its, uint8_t *out);
size_t numbers(view masked, const traits *its, double *out);

/* words.c */
#define PADDING 72     /* the room that is needed beyond a text whose words are read */
#define MOST_WORDS 256 /* read at once */
#define SURPLUS 16     /* places that may be written beyond them */
typedef struct {
    view text;
    uint8_t *low; /* the text so far in lower case, a space for what belongs to no word */
    uint8_t also; /* a further byte that belongs to words */
    int leads;    /* whether a byte from 0xE0 on begins a word of its own */
    size_t at, open, opened; /* whether a word goes on in what is not yet read, and where it began */
    uint64_t within;         /* the same as a bit */
    size_t starts[MOST_WORDS + 1 + SURPLUS], ends[MOST_WORDS + SURPLUS];
} word_reader;
void start_words(word_reader *reader, view text, uint8_t *low); /* `low` has PADDING more bytes than the text */
size_t next_words(word_reader *reader); /* returns how many words are in starts and ends; 0 at the end of the text */

/* sketch.c */
#define BINS 64
uint64_t word_hash(const uint8_t *word, size_t size);    /* reads eight bytes even of a shorter word */
void word_hashes(const word_reader *reader, size_t count, uint64_t *hashes); /* those of the words that were read */
size_t sketched(view part, uint8_t *room, uint8_t *out); /* returns the words; `out` has BINS bytes, or is NULL */

size_t shingled(view part, uint8_t *room, uint64_t *words, uint64_t *pairs); /* returns the words; both have room for all */
view sketched_part(view text, size_t cap, uint8_t *room);                    /* what counts of a text longer than the cap */

/* likeness.c */
int agreeing(const uint8_t *one, const uint8_t *other); /* both have BINS bytes */

/* echo.c */
int has_echo(view text);

/* content.c */
#define WATCH_BITS 65536
#define WATCH_BYTES (2 * WATCH_BITS / 8) /* one half for first words, one for words anywhere */
int surely_content(view plain, const uint8_t *watched);

#endif
