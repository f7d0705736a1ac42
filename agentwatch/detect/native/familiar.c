/* familiar.py: the bits of a filter that the bins of a sketch fall on. */
#include "slots.h"

enum { BITS = 2048, KEEPS = 21 }; /* 2^(32 - 21) bits */
#define ODD UINT32_C(0x9E3779B1)

/* mask(sketch, role): the filter with these bits alone, the lowest first */
FAST(mask)
{
    (void)module;
    int odd = 0;
    uint8_t made[BITS / 8] = {0};
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "2 arguments are wanted, %zd are given", count);
    const view sketch = bytes_in(given[0], &odd);
    const long long role = whole_of(given[1], &odd);
    if (odd)
        return PyErr_Format(PyExc_TypeError, "a sketch in bytes and a whole number are wanted");
    for (size_t at = 0; at < sketch.size; at++) {
        const uint32_t bit = ((uint32_t)role + ((uint32_t)at << 8) + sketch.at[at]) * ODD >> KEEPS;
        made[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
    return PyBytes_FromStringAndSize((const char *)made, sizeof made);
}
