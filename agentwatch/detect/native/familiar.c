/* familiar.py: what was met, and the bits of a filter that the bins of a sketch fall on. */
#include "familiar.h"

static int bits_in(const uint8_t *filter)
{
    int count = 0;
    for (size_t at = 0; at < FILTER; at += 8)
        count += __builtin_popcountll(load64(filter + at));
    return count;
}

static void read_generation(PyObject *met, int field, uint8_t *out, int *odd)
{
    const view found = bytes_in(get(met, field), odd);
    memset(out, 0, FILTER);
    if (found.size == FILTER)
        memcpy(out, found.at, FILTER);
    else
        *odd |= found.size != 0;
}

int open_filter(PyObject *met, filter *found)
{
    int odd = 0;
    if (!is(met, Familiar_))
        return 0;
    found->met = met;
    read_generation(met, Familiar_young, found->young, &odd);
    read_generation(met, Familiar_old, found->old, &odd);
    found->count = whole_of(get(met, Familiar_count), &odd);
    memset(found->bits, 0, FILTER);
    return !odd && found->count >= 0 && found->count <= 8 * FILTER;
}

void set_bins(filter *its, view sketch, long role)
{
    for (size_t at = 0; at < sketch.size; at++)
        set_bit(its, (uint32_t)role + ((uint32_t)at << 8) + sketch.at[at]);
}

int unmet_of(const filter *its, int in_both)
{
    uint8_t unmet[FILTER];
    for (size_t at = 0; at < FILTER; at++)
        unmet[at] = its->bits[at] & (uint8_t)~(its->young[at] | (in_both ? its->old[at] : 0));
    return bits_in(unmet);
}

int meet(filter *its)
{
    int fresh = unmet_of(its, 0);
    const int full = its->count + fresh > limits[limit_familiar_full];
    if (full) {
        fresh = bits_in(its->bits);
        its->count = 0;
    } else {
        for (size_t at = 0; at < FILTER; at++)
            its->bits[at] |= its->young[at];
    }
    PyObject *const young = PyBytes_FromStringAndSize((const char *)its->bits, FILTER);
    PyObject *const count = young == NULL ? NULL : PyLong_FromLongLong(its->count + fresh);
    if (count == NULL) {
        Py_XDECREF(young);
        return -1;
    }
    if (full)
        put_same(its->met, Familiar_old, get(its->met, Familiar_young));
    put(its->met, Familiar_young, young);
    put(its->met, Familiar_count, count);
    return 1;
}

/* mask(sketch, role): the filter with these bits alone, the lowest first */
FAST(mask)
{
    (void)module;
    int odd = 0;
    filter made = {0};
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "2 arguments are wanted, %zd are given", count);
    const view sketch = bytes_in(given[0], &odd);
    const long long role = whole_of(given[1], &odd);
    if (odd)
        return PyErr_Format(PyExc_TypeError, "a sketch in bytes and a whole number are wanted");
    set_bins(&made, sketch, (long)role);
    return PyBytes_FromStringAndSize((const char *)made.bits, sizeof made.bits);
}
