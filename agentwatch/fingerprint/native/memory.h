/* The texts that are remembered: fingerprints by exact digest, in the order of their latest use. */
#ifndef AGENTWATCH_MEMORY_H
#define AGENTWATCH_MEMORY_H

#include "module.h"

/* An entry lies in the ring of use, whose ends meet in entry 0, which holds nothing. */
typedef struct {
    uint64_t digest;
    PyObject *print;
    uint32_t older, newer;
} remembered;

/* Where an entry is found: at the slot that its hash names, or one after it. Entry 0 is none. */
typedef struct {
    uint32_t hash, entry;
} slot;

typedef struct {
    remembered *entries;
    slot *slots;
    uint64_t odd; /* what a digest is multiplied by, so that nobody can choose texts that fall on one slot */
    size_t count, room, most;
    unsigned bits; /* of the number of a slot */
} memory;

int open_memory(memory *all, size_t most); /* -1 with an exception */
void close_memory(memory *all);

/* Give what is known by a digest, a borrowed reference, and put it last in the order of use; NULL without one. */
PyObject *recall(memory *all, uint64_t digest);

/* Fetch what `recall` will look at, early. */
void foresee_recall(const memory *all, uint64_t digest);

/* Fetch what `remember` will need, early; gives what will be forgotten, borrowed, or NULL. */
PyObject *foresee(const memory *all);

/* Remember what was not known; gives how many had to be forgotten, or -1 with an exception. */
int remember(memory *all, uint64_t digest, PyObject *print);

#endif
