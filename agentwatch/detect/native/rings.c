/* history.py: byte strings of entries, what is found in them and how they grow. */
#include "slots.h"

uint64_t mixed(uint64_t a, uint64_t b)
{
    uint64_t x = a * UINT64_C(0x9E3779B97F4A7C15) + b;
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x ^= x >> 31;
    return x ? x : 1;
}

void store64(uint8_t *at, uint64_t value)
{
    for (int byte = 0; byte < DIGEST; byte++)
        at[byte] = (uint8_t)(value >> 8 * byte);
}

int has_digest(view ring, size_t step, size_t offset, uint64_t digest)
{
    int found = 0;
    for (size_t at = offset; at + DIGEST <= ring.size; at += step)
        found |= load64(ring.at + at) == digest;
    return found;
}

PyObject *with_end(view ring, size_t dropped, view added)
{
    uint8_t small[4096];
    if (dropped > ring.size || ring.size - dropped > sizeof small - added.size)
        return NULL;
    const size_t kept = ring.size - dropped;
    memcpy(small, ring.at + dropped, kept);
    memcpy(small + kept, added.at, added.size);
    return PyBytes_FromStringAndSize((const char *)small, (Py_ssize_t)(kept + added.size));
}

PyObject *with_digest(view ring, long most, uint64_t digest)
{
    uint8_t end[DIGEST];
    store64(end, digest);
    return with_end(ring, ring.size >= (size_t)most * DIGEST ? DIGEST : 0, (view){end, DIGEST});
}

int most_agreeing(view sketch, view others)
{
    int most = 0;
    if (sketch.size == BINS)
        for (size_t at = 0; at + BINS <= others.size; at += BINS) {
            const int found = agreeing(sketch.at, others.at + at);
            most = found > most ? found : most;
        }
    return most;
}
