/* How numbers lie in their objects: found by looking at some that are known. Elsewhere Python is asked for each. */
#include "slots.h"

#define NOTHING_LIKE_IT (UINT64_MAX >> 1) /* no size, and no tag with all these bits */

uint64_t digit_words[DIGITS + 1] = {NOTHING_LIKE_IT, NOTHING_LIKE_IT, NOTHING_LIKE_IT, NOTHING_LIKE_IT};
int has_reals;

/* Whether a number is read as what it is; one that is below zero, or too large, as none. */
static int is_read_as(PyObject *number, int fits, uint64_t wanted)
{
    uint64_t value = 0;
    const int right = number != NULL && has_whole(number, &value) == fits && (!fits || value == wanted);
    Py_XDECREF(number);
    return right;
}

static int are_read(void)
{
    static const uint64_t wholes[] = {0, 1, 2, 255, 0x3FFFFFFF, 0x40000000, 0x123456789ABCDEF, 0xFFFFFFFFFFFFFFF,
                                      0x1000000000000000, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFEDCBA9876543210, UINT64_MAX};
    static const char *const others[] = {"-1", "-255", "-1073741824", "-1152921504606846976", "18446744073709551616",
                                         "1237940039285380274899124224", "-18446744073709551615"};
    int right = 1;
    for (size_t at = 0; at < sizeof wholes / sizeof wholes[0]; at++)
        right &= is_read_as(PyLong_FromUnsignedLongLong(wholes[at]), 1, wholes[at]);
    for (size_t at = 0; at < sizeof others / sizeof others[0]; at++)
        right &= is_read_as(PyLong_FromString(others[at], NULL, 10), 0, 0);
    return right;
}

static int are_reals_read(void)
{
    static const double reals[] = {0.0, -1.5, 1e300, 1764000000.25};
    int right = 1;
    for (size_t at = 0; at < sizeof reals / sizeof reals[0]; at++) {
        PyObject *const real = PyFloat_FromDouble(reals[at]);
        right &= real != NULL && memcmp(behind_head(real), &reals[at], sizeof reals[at]) == 0;
        Py_XDECREF(real);
    }
    return right;
}

void look_at_numbers(void)
{
    static const uint64_t least[DIGITS + 1] = {0, 1, UINT64_C(1) << DIGIT_BITS, UINT64_C(1) << 2 * DIGIT_BITS};
    for (int digits = 0; digits <= DIGITS; digits++) {
        PyObject *const number = PyLong_FromUnsignedLongLong(least[digits]);
        digit_words[digits] = number == NULL ? NOTHING_LIKE_IT : load64(behind_head(number));
        Py_XDECREF(number);
    }
    if (!are_read())
        for (int digits = 0; digits <= DIGITS; digits++)
            digit_words[digits] = NOTHING_LIKE_IT;
    has_reals = are_reals_read();
    PyErr_Clear(); /* no memory: then Python is asked */
}
