/* Where the fields of structs lie; both compiled modules look for them. */
#ifndef AGENTWATCH_PLACE_H
#define AGENTWATCH_PLACE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *py_place(PyObject *module, PyObject *const *given, Py_ssize_t count);
Py_ssize_t size_of_objects(PyObject *type); /* -1 with an exception */

#endif
