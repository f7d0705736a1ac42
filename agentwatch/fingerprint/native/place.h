/* Where the fields of structs lie, and which are asked for: both compiled modules are told of Python's records so. */
#ifndef AGENTWATCH_PLACE_H
#define AGENTWATCH_PLACE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *py_place(PyObject *module, PyObject *const *given, Py_ssize_t count);
Py_ssize_t size_of_objects(PyObject *type); /* -1 with an exception */

/* Give a module a tuple of names, for Python to look up what they stand for; -1 with an exception. */
int add_names(PyObject *module, const char *name, const char *const *names, Py_ssize_t count);

#endif
