/* What a fingerprint holds of a text beside its exact digest; nothing here speaks to Python. */
#ifndef AGENTWATCH_MEASURE_H
#define AGENTWATCH_MEASURE_H

#include "bytes.h"

/* Room to work in, kept from text to text, so that none needs memory of its own. */
typedef struct {
    uint8_t *at;
    size_t size;
    uint64_t *bits; /* of the digits, and their number */
    size_t blocks;
    spans found;
} scratch;
uint8_t *room_for(scratch *room, size_t size); /* NULL without memory; what was in it may be lost */
void clear(scratch *room);

/* A canonical form with its masked form. `work` has room for as many bytes and PADDING. */
typedef struct {
    view plain, masked;
    uint8_t *work, *joined;
    traits its; /* of the masked form, as far as its digits go */
} forms;
static inline int is_numbered(const forms *text) { return next_digit(&text->its, 0) != NOWHERE; }
int find_forms(view plain, scratch *room, forms *text); /* -1 without memory */

/* How texts of one role are treated. */
typedef struct {
    int result, sketch;
    size_t cap;
    const uint8_t *watched;
} manner;

typedef struct {
    int masks;       /* whether masked and exact digest may differ */
    int numbered;    /* whether shape and masked digest may */
    uint64_t masked, shape;
    size_t words, numbers_found;
    int content;     /* whether a result is surely content */
    int sketched;    /* whether there is a sketch */
    uint8_t sketch[BINS];
    double numbers[MOST_NUMBERS];
} figures;
int measure(view plain, uint64_t exact, const manner *how, scratch *room, figures *its); /* -1 without memory */

#endif
