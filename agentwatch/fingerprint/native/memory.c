/* The texts that are remembered: a chained table whose oldest entry makes room for a new one. */
#include "memory.h"

#include <stdlib.h>

enum { FIRST_ROOM = 64 };

static uint32_t *bucket_of(const memory *all, uint64_t digest)
{
    return all->buckets + (digest * all->odd >> (64 - all->bits));
}

static void chain(memory *all, uint32_t at)
{
    uint32_t *const first = bucket_of(all, all->entries[at].digest);
    all->entries[at].after = *first;
    *first = at;
}

static void unchain(memory *all, uint32_t at)
{
    uint32_t *link = bucket_of(all, all->entries[at].digest);
    while (*link != at)
        link = &all->entries[*link].after;
    *link = all->entries[at].after;
}

static void take_out(memory *all, uint32_t at)
{
    const remembered *const its = all->entries + at;
    all->entries[its->older].newer = its->newer;
    all->entries[its->newer].older = its->older;
}

static void put_newest(memory *all, uint32_t at)
{
    const uint32_t before = all->entries[0].older;
    all->entries[at].older = before;
    all->entries[at].newer = 0;
    all->entries[before].newer = all->entries[0].older = at;
}

/* Make room for twice as many, or for the most there may be; two buckets for each. */
static int grow(memory *all)
{
    const size_t twice = all->room ? 2 * all->room : FIRST_ROOM, room = twice < all->most ? twice : all->most;
    unsigned bits = 1;
    while ((size_t)1 << bits < 2 * room)
        bits++;
    remembered *const entries = realloc(all->entries, (room + 1) * sizeof *entries);
    if (entries != NULL)
        all->entries = entries;
    uint32_t *const buckets = entries == NULL ? NULL : calloc((size_t)1 << bits, sizeof *buckets);
    if (buckets == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (all->room == 0)
        entries[0] = (remembered){0};
    free(all->buckets);
    all->buckets = buckets;
    all->room = room;
    all->bits = bits;
    for (uint32_t at = 1; at <= all->count; at++)
        chain(all, at);
    return 0;
}

int open_memory(memory *all, size_t most)
{
    *all = (memory){.most = most};
    if (most < 1 || most >= UINT32_MAX / 2) {
        PyErr_Format(PyExc_ValueError, "%zu texts cannot be remembered", most);
        return -1;
    }
    all->odd = (uint64_t)(uintptr_t)all * UINT64_C(0x9E3779B97F4A7C15) | 1; /* where it lies, nobody outside knows */
    return grow(all);
}

void close_memory(memory *all)
{
    for (size_t at = 1; at <= all->count; at++)
        Py_DECREF(all->entries[at].print);
    free(all->entries);
    free(all->buckets);
    *all = (memory){0};
}

PyObject *recall(memory *all, uint64_t digest)
{
    uint32_t at = *bucket_of(all, digest);
    while (at && all->entries[at].digest != digest)
        at = all->entries[at].after;
    if (at == 0)
        return NULL;
    take_out(all, at);
    put_newest(all, at);
    return all->entries[at].print;
}

int remember(memory *all, uint64_t digest, PyObject *print)
{
    PyObject *forgotten = NULL;
    uint32_t at;
    if (all->count == all->room && all->room < all->most && grow(all) < 0)
        return -1;
    if (all->count < all->room) {
        at = (uint32_t)++all->count;
    } else {
        at = all->entries[0].newer; /* the oldest */
        unchain(all, at);
        take_out(all, at);
        forgotten = all->entries[at].print;
    }
    all->entries[at].digest = digest;
    all->entries[at].print = Py_NewRef(print);
    chain(all, at);
    put_newest(all, at);
    Py_XDECREF(forgotten); /* last, when all is in order */
    return forgotten != NULL;
}
