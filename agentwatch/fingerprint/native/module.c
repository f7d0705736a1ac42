/* The module `agentwatch.fingerprint._compiled`: what Python sees of the compiled form (the stub is _compiled.pyi). */
#include "module.h"
#include "place.h"

#define INTERFACE 8 /* grows when a function here changes; compiled.py asks for it, so that an old build is not used */

int read_bytes(PyObject *from, view *text)
{
    char *at;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(from, &at, &size) < 0)
        return -1;
    *text = (view){(const uint8_t *)at, (size_t)size};
    return 0;
}

PyObject *bytes_of(const uint8_t *at, size_t size)
{
    return PyBytes_FromStringAndSize((const char *)at, (Py_ssize_t)size);
}

int expects(Py_ssize_t given, Py_ssize_t wanted)
{
    if (given != wanted)
        PyErr_Format(PyExc_TypeError, "%zd arguments are wanted, %zd are given", wanted, given);
    return given == wanted;
}

/* Give the most bins in which any of the sketches in one byte string agrees with a sketch. */
static int most_agreeing(view sketch, view others)
{
    int most = 0;
    for (size_t at = 0; at + BINS <= others.size; at += BINS) {
        const int found = agreeing(sketch.at, others.at + at);
        most = found > most ? found : most;
    }
    return most;
}

/* agreeing(sketch, others): the most bins in which any of the others agrees with the sketch */
static PyObject *py_agreeing(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    (void)module;
    view sketch, other;
    if (!expects(count, 2) || read_bytes(given[0], &sketch) < 0)
        return NULL;
    if (PyBytes_Check(given[1])) {
        if (read_bytes(given[1], &other) < 0)
            return NULL;
        return PyLong_FromLong(sketch.size == BINS ? most_agreeing(sketch, other) : 0);
    }
    PyObject *others = PyObject_GetIter(given[1]), *next;
    int most = 0;
    while (others != NULL && (next = PyIter_Next(others)) != NULL) {
        if (read_bytes(next, &other) == 0 && sketch.size == BINS && other.size == BINS) {
            const int found = agreeing(sketch.at, other.at);
            most = found > most ? found : most;
        }
        Py_DECREF(next);
        if (PyErr_Occurred())
            break;
    }
    Py_XDECREF(others);
    return PyErr_Occurred() ? NULL : PyLong_FromLong(most);
}

static PyMethodDef functions[] = {
    {"fold", py_fold, METH_O, "Fold white space; None when the pure form must do it."},
    {"unbroken", py_unbroken, METH_O, "Fold encoded JSON, its escaped line breaks as spaces; None as with `fold`."},
    {"digest", py_digest, METH_O, "The XXH3 64-bit digest of bytes."},
    {"agreeing", (PyCFunction)(void (*)(void))py_agreeing, METH_FASTCALL,
     "The most bins in which any of some sketches agrees with a sketch."},
    {"has_echo", py_has_echo, METH_O, "Whether a piece of a text comes again close by; true where it is not ASCII."},
    {"word_hash", py_word_hash, METH_O, "Hash a word as the sketch does."},
    {"mask", py_mask, METH_O, "The masked form of a canonical form; the same object when nothing is volatile."},
    {"shape", py_shape, METH_O, "The shape of a canonical form."},
    {"measure", (PyCFunction)(void (*)(void))py_measure, METH_FASTCALL,
     "Masked and shape digests, words, whether it is surely content, sketch and numbers of a canonical form."},
    {"shingles", (PyCFunction)(void (*)(void))py_shingles, METH_FASTCALL,
     "The hashes of the words, and then of the pairs of words, of a masked form."},
    {"count", (PyCFunction)(void (*)(void))py_count, METH_FASTCALL,
     "Raise the counters of hashes in a count-min sketch by one each."},
    {"place", (PyCFunction)(void (*)(void))py_place, METH_FASTCALL, "Where a value lies in an object; -1 without one."},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module)
{
    if (PyModule_AddIntConstant(module, "INTERFACE", INTERFACE) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "WATCH_BITS", WATCH_BITS) < 0 ? -1 : add_maker(module);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_compiled", "The compiled form of fingerprints.", 0, functions, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__compiled(void) { return PyModuleDef_Init(&definition); }
