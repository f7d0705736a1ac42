/* The texts that are remembered: a table whose oldest entry makes room for a new one. */
#include "memory.h"

#include <stdlib.h>

enum { FIRST_ROOM = 64 };

static uint32_t hash_of(const memory *all, uint64_t digest) { return (uint32_t)(digest * all->odd >> 32); }
static size_t home_of(const memory *all, uint32_t hash) { return hash >> (32 - all->bits); }
static size_t slot_after(const memory *all, size_t at) { return (at + 1) & (((size_t)1 << all->bits) - 1); }

static void put_slot(memory *all, uint32_t entry)
{
    const uint32_t hash = hash_of(all, all->entries[entry].digest);
    size_t at = home_of(all, hash);
    while (all->slots[at].entry)
        at = slot_after(all, at);
    all->slots[at] = (slot){hash, entry};
}

/* Take an entry's slot out, and move up what would not be found behind the gap. */
static void drop_slot(memory *all, uint32_t entry)
{
    size_t at = home_of(all, hash_of(all, all->entries[entry].digest));
    while (all->slots[at].entry != entry)
        at = slot_after(all, at);
    const size_t all_bits = ((size_t)1 << all->bits) - 1;
    for (size_t next = slot_after(all, at); all->slots[next].entry; next = slot_after(all, next)) {
        const size_t home = home_of(all, all->slots[next].hash);
        if (((next - home) & all_bits) >= ((next - at) & all_bits)) { /* its home is at the gap, or before it */
            all->slots[at] = all->slots[next];
            at = next;
        }
    }
    all->slots[at] = (slot){0, 0};
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

/* Make room for twice as many, or for the most there may be; two slots for each. */
static int grow(memory *all)
{
    const size_t twice = all->room ? 2 * all->room : FIRST_ROOM, room = twice < all->most ? twice : all->most;
    unsigned bits = 1;
    while ((size_t)1 << bits < 2 * room)
        bits++;
    remembered *const entries = realloc(all->entries, (room + 1) * sizeof *entries);
    if (entries != NULL)
        all->entries = entries;
    slot *const slots = entries == NULL ? NULL : calloc((size_t)1 << bits, sizeof *slots);
    if (slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (all->room == 0)
        entries[0] = (remembered){0};
    free(all->slots);
    all->slots = slots;
    all->room = room;
    all->bits = bits;
    for (uint32_t at = 1; at <= all->count; at++)
        put_slot(all, at);
    return 0;
}

int open_memory(memory *all, size_t most)
{
    *all = (memory){.most = most};
    if (most < 1 || most > UINT32_MAX / 4) {
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
    free(all->slots);
    *all = (memory){0};
}

PyObject *recall(memory *all, uint64_t digest)
{
    const uint32_t hash = hash_of(all, digest);
    size_t at = home_of(all, hash);
    while (all->slots[at].entry && (all->slots[at].hash != hash || all->entries[all->slots[at].entry].digest != digest))
        at = slot_after(all, at);
    const uint32_t found = all->slots[at].entry;
    if (found == 0)
        return NULL;
    take_out(all, found);
    put_newest(all, found);
    return all->entries[found].print;
}

void foresee_recall(const memory *all, uint64_t digest)
{
    __builtin_prefetch(all->slots + home_of(all, hash_of(all, digest)));
}

PyObject *foresee(const memory *all)
{
    const remembered *const oldest = all->entries + all->entries[0].newer;
    if (all->count < all->most)
        return NULL;
    __builtin_prefetch(all->slots + home_of(all, hash_of(all, oldest->digest)));
    const uintptr_t next = (uintptr_t)all->entries[oldest->newer].print; /* whose fields are asked for the next time */
    __builtin_prefetch((const void *)next);
    __builtin_prefetch((const void *)(next + 64));
    return oldest->print;
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
        drop_slot(all, at);
        take_out(all, at);
        forgotten = all->entries[at].print;
    }
    all->entries[at].digest = digest;
    all->entries[at].print = Py_NewRef(print);
    put_slot(all, at);
    put_newest(all, at);
    Py_XDECREF(forgotten); /* last, when all is in order */
    return forgotten != NULL;
}
