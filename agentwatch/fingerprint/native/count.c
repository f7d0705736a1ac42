/* residual.py: the counters of a count-min sketch, one byte each, rows of 2^width_bits after each other. */
#include "module.h"

#include <stdlib.h>

/* Raise the counter of each hash in one row. All are read before any is written: one that is named twice rises once. */
static void raise_row(uint8_t *row, const uint8_t *hashes, size_t count, uint64_t odd, unsigned shift, uint8_t *before)
{
    uint64_t hash;
    for (size_t at = 0; at < count; at++) {
        memcpy(&hash, hashes + at * sizeof hash, sizeof hash);
        before[at] = row[hash * odd >> shift];
    }
    for (size_t at = 0; at < count; at++) {
        memcpy(&hash, hashes + at * sizeof hash, sizeof hash);
        row[hash * odd >> shift] = (uint8_t)(before[at] + 1);
    }
}

/* count(counts, hashes, width_bits, odds): hashes and odds are numbers of eight bytes each, one odd for each row */
PyObject *py_count(PyObject *module, PyObject *const *given, Py_ssize_t arguments)
{
    (void)module;
    view odds;
    Py_buffer hashes;
    if (!expects(arguments, 4) || read_bytes(given[3], &odds) < 0)
        return NULL;
    const size_t width = PyLong_AsSize_t(given[2]), rows = odds.size / sizeof(uint64_t);
    if (PyErr_Occurred())
        return NULL;
    if (!PyByteArray_Check(given[0]) || width < 1 || width > 32 || (size_t)PyByteArray_Size(given[0]) != rows << width)
        return PyErr_Format(PyExc_ValueError, "counts is a bytearray of 2^width_bits bytes for each odd");
    if (PyObject_GetBuffer(given[1], &hashes, PyBUF_SIMPLE) < 0)
        return NULL;
    const size_t count = (size_t)hashes.len / sizeof(uint64_t);
    uint8_t *const before = malloc(count + 1), *const counts = (uint8_t *)PyByteArray_AsString(given[0]);
    for (size_t row = 0; before != NULL && row < rows; row++) {
        uint64_t odd;
        memcpy(&odd, odds.at + row * sizeof odd, sizeof odd);
        raise_row(counts + (row << width), hashes.buf, count, odd, (unsigned)(64 - width), before);
    }
    PyBuffer_Release(&hashes);
    if (before == NULL)
        return PyErr_NoMemory();
    free(before);
    Py_RETURN_NONE;
}
