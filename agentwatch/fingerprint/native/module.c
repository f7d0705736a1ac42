/* The module `agentwatch.fingerprint._compiled`: what Python sees of the compiled form (the stub is _compiled.pyi). */
#include "module.h"

#include <stdlib.h>

#define INTERFACE 7 /* grows when a function here changes; compiled.py asks for it, so that an old build is not used */

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

static PyObject *py_digest(PyObject *module, PyObject *given)
{
    (void)module;
    view text;
    return read_bytes(given, &text) < 0 ? NULL : PyLong_FromUnsignedLongLong(xxh3_64(text));
}

/* Fold UTF-8 into new bytes; NULL without an exception when the pure form must do it. */
static PyObject *folded_view(view text, int ascii)
{
    uint8_t small[4096];
    if (ascii && is_folded(text))
        return bytes_of(text.at, text.size);
    uint8_t *const room = text.size <= sizeof small ? small : malloc(text.size);
    if (room == NULL)
        return PyErr_NoMemory();
    const size_t used = ascii ? fold_ascii(text, room) : fold(text, room);
    PyObject *made = used == NOWHERE ? NULL : bytes_of(room, used);
    if (room != small)
        free(room);
    return made;
}

PyObject *folded(PyObject *given)
{
    Py_ssize_t size;
    const char *at = PyUnicode_AsUTF8AndSize(given, &size);
    if (at != NULL)
        return folded_view((view){(const uint8_t *)at, (size_t)size}, PyUnicode_GetLength(given) == size);
    if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        PyErr_Clear(); /* lone surrogates */
    return NULL;
}

static PyObject *py_unbroken(PyObject *module, PyObject *given)
{
    (void)module;
    view text;
    if (read_bytes(given, &text) < 0)
        return NULL;
    uint8_t *const room = malloc(text.size + 1);
    if (room == NULL)
        return PyErr_NoMemory();
    int ascii;
    const size_t used = unbroken(text, room, &ascii);
    PyObject *made = folded_view((view){room, used}, ascii);
    free(room);
    return made != NULL || PyErr_Occurred() ? made : Py_NewRef(Py_None);
}

static PyObject *py_fold(PyObject *module, PyObject *given)
{
    (void)module;
    PyObject *made = folded(given);
    return made != NULL || PyErr_Occurred() ? made : Py_NewRef(Py_None);
}

static PyObject *py_word_hash(PyObject *module, PyObject *given)
{
    (void)module;
    view text;
    if (read_bytes(given, &text) < 0)
        return NULL;
    uint8_t padded[8] = {0};
    if (text.size >= sizeof padded)
        return PyLong_FromUnsignedLongLong(word_hash(text.at, text.size));
    memcpy(padded, text.at, text.size);
    return PyLong_FromUnsignedLongLong(word_hash(padded, text.size));
}

static PyObject *form_of(PyObject *given, int shape)
{
    view plain;
    measured m;
    if (read_bytes(given, &plain) < 0 || start_measuring(plain, 2, &m) < 0)
        return NULL;
    PyObject *made;
    if (shape && m.numbered)
        made = bytes_of(m.room, shaped(m.masked, m.room));
    else
        made = m.masked.at == plain.at ? Py_NewRef(given) : bytes_of(m.masked.at, m.masked.size);
    free(m.room);
    return made;
}

static PyObject *py_mask(PyObject *module, PyObject *given) { (void)module; return form_of(given, 0); }
static PyObject *py_shape(PyObject *module, PyObject *given) { (void)module; return form_of(given, 1); }

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
    {"fingerprint", (PyCFunction)(void (*)(void))py_fingerprint, METH_FASTCALL,
     "The fingerprint of a text in a role: the one that is known, or a new one that is known from now on."},
    {"shingles", (PyCFunction)(void (*)(void))py_shingles, METH_FASTCALL,
     "The hashes of the words, and then of the pairs of words, of a masked form."},
    {"count", (PyCFunction)(void (*)(void))py_count, METH_FASTCALL,
     "Raise the counters of hashes in a count-min sketch by one each."},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module)
{
    if (PyModule_AddIntConstant(module, "INTERFACE", INTERFACE) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "WATCH_BITS", WATCH_BITS);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_compiled", "The compiled form of fingerprints.", 0, functions, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__compiled(void) { return PyModuleDef_Init(&definition); }
