/* Where a field of a struct lies in its objects: found by looking, so that nothing of msgspec's inside is known by heart. */
#include "place.h"

/* place(instance, value): where the one reference to a value lies in an object, in bytes from its start; -1 without one */
PyObject *py_place(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    (void)module;
    if (count != 2)
        return PyErr_Format(PyExc_TypeError, "2 arguments are wanted, %zd are given", count);
    const Py_ssize_t size = size_of_objects((PyObject *)Py_TYPE(given[0])), step = (Py_ssize_t)sizeof(PyObject *);
    if (size < 0)
        return NULL;
    Py_ssize_t found = -1;
    for (Py_ssize_t at = (Py_ssize_t)sizeof(PyObject); at + step <= size; at += step) {
        if (*(PyObject **)((char *)given[0] + at) == given[1]) {
            if (found >= 0)
                return PyLong_FromLong(-1);
            found = at;
        }
    }
    return PyLong_FromSsize_t(found);
}

Py_ssize_t size_of_objects(PyObject *type)
{
    PyObject *const declared = PyObject_GetAttrString(type, "__basicsize__");
    const Py_ssize_t size = declared == NULL ? -1 : PyLong_AsSsize_t(declared);
    Py_XDECREF(declared);
    return PyErr_Occurred() ? -1 : size;
}

int add_names(PyObject *module, const char *name, const char *const *names, Py_ssize_t count)
{
    PyObject *all = PyTuple_New(count);
    for (Py_ssize_t at = 0; all != NULL && at < count; at++) {
        PyObject *const text = PyUnicode_FromString(names[at]);
        if (text == NULL || PyTuple_SetItem(all, at, text) < 0)
            Py_CLEAR(all);
    }
    const int failed = all == NULL ? -1 : PyModule_AddObjectRef(module, name, all);
    Py_XDECREF(all);
    return failed;
}
