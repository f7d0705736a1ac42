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

/* forms.c: the single steps, which the tests compare with the pure form */
PyObject *py_digest(PyObject *module, PyObject *given);
PyObject *py_fold(PyObject *module, PyObject *given);
PyObject *py_unbroken(PyObject *module, PyObject *given);
PyObject *py_word_hash(PyObject *module, PyObject *given);
PyObject *py_mask(PyObject *module, PyObject *given);
PyObject *py_shape(PyObject *module, PyObject *given);
PyObject *py_measure(PyObject *module, PyObject *const *given, Py_ssize_t count);
PyObject *py_shingles(PyObject *module, PyObject *const *given, Py_ssize_t count);

/* maker.c: adds the type `Maker`; -1 with an exception */
int add_maker(PyObject *module);

/* echo.c */
PyObject *py_has_echo(PyObject *module, PyObject *text);

/* count.c */
PyObject *py_count(PyObject *module, PyObject *const *given, Py_ssize_t count);

#endif
