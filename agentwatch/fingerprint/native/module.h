/* What the parts that speak to Python share. Only Python's stable ABI is used: one build is for 3.11 and all later. */
#ifndef AGENTWATCH_MODULE_H
#define AGENTWATCH_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "bytes.h"

/* Give the bytes of a bytes object, or the arguments' right number; -1 or 0 with a TypeError. */
int read_bytes(PyObject *from, view *text);
int expects(Py_ssize_t given, Py_ssize_t wanted);
PyObject *bytes_of(const uint8_t *at, size_t size);

/* Fold a string into new bytes; NULL without an exception when the pure form must do it. */
PyObject *folded(PyObject *text);

/* measure.c: a canonical form with its masked form. The caller frees `room`, which holds that and room to work in. */
typedef struct {
    view plain, masked;
    uint8_t *room;
    int numbered; /* whether the masked form holds a digit */
} measured;
int start_measuring(view plain, size_t cap, measured *m);
PyObject *py_measure(PyObject *module, PyObject *const *given, Py_ssize_t count);
PyObject *py_shingles(PyObject *module, PyObject *const *given, Py_ssize_t count);
PyObject *py_fingerprint(PyObject *module, PyObject *const *given, Py_ssize_t count);

/* echo.c */
PyObject *py_has_echo(PyObject *module, PyObject *text);

/* count.c */
PyObject *py_count(PyObject *module, PyObject *const *given, Py_ssize_t count);

#endif
