/* Which of a panel of detectors are asked of an event, and told of it: those that it may concern (watchers.c). */
#include "watchers.h"

/* A panel, and what is known of the event until a method ran, which may change it. */
typedef struct {
    PyObject *seen, *scope, *methods, *options;
    view numbers;
    int known;
    glance its;
} panel;

static int begin(panel *all, PyObject *const *given, Py_ssize_t count)
{
    int odd = count != 3 || !PyTuple_Check(given[2]) || PyTuple_Size(given[2]) != 3;
    if (!odd) {
        *all = (panel){.seen = given[0],
                       .scope = given[1],
                       .numbers = bytes_in(PyTuple_GetItem(given[2], 0), &odd),
                       .methods = PyTuple_GetItem(given[2], 1),
                       .options = PyTuple_GetItem(given[2], 2)};
        odd |= !PyTuple_Check(all->methods) || PyTuple_Size(all->methods) != (Py_ssize_t)all->numbers.size ||
               !PyTuple_Check(all->options) || PyTuple_Size(all->options) != (Py_ssize_t)all->numbers.size;
    }
    if (odd) {
        PyErr_SetString(PyExc_TypeError, "an observation, its scope, and numbers, methods and options are wanted");
        return 0;
    }
    all->known = glance_at(all->seen, all->scope, &all->its);
    return 1;
}

static PyObject *options_at(const panel *all, size_t at) { return PyTuple_GetItem(all->options, (Py_ssize_t)at); }

static PyObject *call(panel *all, size_t at)
{
    PyObject *const method = PyTuple_GetItem(all->methods, (Py_ssize_t)at);
    PyObject *const given = PyObject_CallFunctionObjArgs(method, all->seen, all->scope, NULL);
    all->known = glance_at(all->seen, all->scope, &all->its);
    return given;
}

/* ask(seen, scope, (numbers, methods, options)): the signals of all detectors that have one */
FAST(ask)
{
    (void)module;
    panel all;
    if (!begin(&all, given, count))
        return NULL;
    PyObject *const found = PyList_New(0);
    for (size_t at = 0; found != NULL && at < all.numbers.size; at++) {
        if (all.known && is_mute(all.numbers.at[at], &all.its, options_at(&all, at)))
            continue;
        PyObject *const signal = call(&all, at);
        const int kept = signal == NULL || (signal != Py_None && PyList_Append(found, signal) < 0) ? -1 : 0;
        Py_XDECREF(signal);
        if (kept < 0) {
            Py_DECREF(found);
            return NULL;
        }
    }
    return found;
}

/* tell(seen, scope, (numbers, methods, options)) */
FAST(tell)
{
    (void)module;
    panel all;
    if (!begin(&all, given, count))
        return NULL;
    for (size_t at = 0; at < all.numbers.size; at++) {
        const int done = all.known ? is_done(all.numbers.at[at], &all.its, options_at(&all, at)) : 0;
        PyObject *const nothing = done < 0 ? NULL : done ? Py_NewRef(Py_None) : call(&all, at);
        if (nothing == NULL)
            return NULL;
        Py_DECREF(nothing);
    }
    return Py_NewRef(Py_None);
}
