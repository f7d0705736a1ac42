/* The texts that are remembered: fingerprints by exact digest, in the order of their latest use. */
#ifndef AGENTWATCH_MEMORY_H
#define AGENTWATCH_MEMORY_H

#include "module.h"

/* An entry lies in the chain of its bucket and in the ring of use, whose ends meet in entry 0, which holds nothing. */
typedef struct {
    uint64_t digest;
    PyObject *print;
    uint32_t after, older, newer;
} remembered;

typedef struct {
    remembered *entries;
    uint32_t *buckets; /* the first entry of each chain; 0 is none */
    uint64_t odd;      /* what a digest is multiplied by, so that nobody can choose texts that share a bucket */
    size_t count, room, most;
    unsigned bits; /* of the number of a bucket */
} memory;

int open_memory(memory *all, size_t most); /* -1 with an exception */
void close_memory(memory *all);

/* Give what is known by a digest, a borrowed reference, and put it last in the order of use; NULL without one. */
PyObject *recall(memory *all, uint64_t digest);

/* Remember what was not known; gives how many had to be forgotten, or -1 with an exception. */
int remember(memory *all, uint64_t digest, PyObject *print);

#endif
