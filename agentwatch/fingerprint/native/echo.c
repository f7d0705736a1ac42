/* chant.py, its probes: whether a piece of a text comes again a little further on, as it does in a text that chants. */
#include "module.h"

#define CAP_CHARS 16384
#define LEAST_CHARS 80
#define PROBE 16
#define NEAR 400

/* Whether the probe at a place comes again at one of some places. Most places are told apart by three bytes at once. */
static int comes_again(const uint8_t *text, size_t at, size_t from, size_t until)
{
    enum { STRIDE = 64 };
    const uint8_t *const probe = text + at;
    for (size_t block = from; block < until; block += STRIDE) {
        const size_t end = block + STRIDE < until ? block + STRIDE : until;
        uint8_t any = 0;
        for (size_t place = block; place < end; place++)
            any |= (uint8_t)((text[place] == probe[0]) & (text[place + 7] == probe[7]) & (text[place + 15] == probe[15]));
        for (size_t place = block; any && place < end; place++)
            if (memcmp(text + place, probe, PROBE) == 0)
                return 1;
    }
    return 0;
}

int has_echo(view text)
{
    if (text.size < LEAST_CHARS)
        return 0;
    if (text.size > CAP_CHARS)
        text = (view){text.at + text.size - CAP_CHARS, CAP_CHARS};
    const size_t size = text.size, end = size - PROBE;
    const size_t middles[] = {size / 2, size / 4, size * 3 / 4};
    if (comes_again(text.at, end, end > NEAR ? end - NEAR : 0, end))
        return 1;
    for (size_t at = 0; at < sizeof middles / sizeof middles[0]; at++) {
        const size_t from = middles[at] + 1, last = middles[at] + NEAR + 1, most = size - PROBE + 1;
        if (comes_again(text.at, middles[at], from, last < most ? last : most))
            return 1;
    }
    return 0;
}

/* has_echo(text): true of a text that is not ASCII, in which characters are no bytes */
PyObject *py_has_echo(PyObject *module, PyObject *given)
{
    (void)module;
    Py_ssize_t size;
    if (!PyUnicode_Check(given))
        return PyErr_Format(PyExc_TypeError, "a string is wanted");
    const char *const at = PyUnicode_AsUTF8AndSize(given, &size);
    if (at == NULL)
        PyErr_Clear(); /* lone surrogates */
    if (at == NULL || PyUnicode_GetLength(given) != size)
        return Py_NewRef(Py_True);
    return Py_NewRef(has_echo((view){(const uint8_t *)at, (size_t)size}) ? Py_True : Py_False);
}
