/* What was met, as a filter of bits in two generations (familiar.c). */
#ifndef AGENTWATCH_FAMILIAR_H
#define AGENTWATCH_FAMILIAR_H

#include "slots.h"

enum { FILTER = 256, KEEPS = 21 }; /* bytes of a generation; 2^(32 - KEEPS) bits */

/* What was met (`Familiar`), with the bits of what is met now. */
typedef struct {
    PyObject *met;
    uint8_t young[FILTER], old[FILTER], bits[FILTER];
    long long count;
} filter;

int open_filter(PyObject *met, filter *found); /* with no bits yet; 0 for the pure form */
void set_bins(filter *its, view sketch, long role);
int unmet_of(const filter *its, int in_both); /* how many bits are not in the younger generation, or in neither */
int meet(filter *its);                        /* Take the bits in; all is made before any is written: 1, or -1. */

static inline void set_bit(filter *its, uint32_t value)
{
    const uint32_t bit = value * UINT32_C(0x9E3779B1) >> KEEPS;
    its->bits[bit / 8] |= (uint8_t)(1u << bit % 8);
}

#endif
