/* The module `agentwatch.fingerprint._compiled`: what Python sees of the compiled form (the stub is _compiled.pyi). */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "bytes.h"

#include <stdlib.h>

#define INTERFACE 1 /* grows when a function here changes; compiled.py asks for it, so that an old build is not used */

static int read_bytes(PyObject *from, view *text)
{
    char *at;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize(from, &at, &size) < 0)
        return -1;
    *text = (view){(const uint8_t *)at, (size_t)size};
    return 0;
}

static PyObject *bytes_of(const uint8_t *at, size_t size)
{
    return PyBytes_FromStringAndSize((const char *)at, (Py_ssize_t)size);
}

static int expects(Py_ssize_t given, Py_ssize_t wanted)
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

/* Fold a string into new bytes; NULL without an exception when the pure form must do it. */
static PyObject *folded(PyObject *given)
{
    uint8_t small[4096];
    Py_ssize_t size;
    const char *at = PyUnicode_AsUTF8AndSize(given, &size);
    if (at == NULL) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
            PyErr_Clear(); /* lone surrogates */
        return NULL;
    }
    const view text = {(const uint8_t *)at, (size_t)size};
    const int ascii = PyUnicode_GetLength(given) == size;
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

static PyObject *py_fold(PyObject *module, PyObject *given)
{
    (void)module;
    PyObject *made = folded(given);
    return made != NULL || PyErr_Occurred() ? made : Py_NewRef(Py_None);
}

static int may_be_json(PyObject *plain)
{
    view text;
    if (read_bytes(plain, &text) < 0 || text.size == 0)
        return 0;
    const uint8_t first = text.at[0], last = text.at[text.size - 1];
    return (first == '{' && last == '}') || (first == '[' && last == ']');
}

/* identify(text): its canonical form and the digest of that; the digest is None for JSON, both where Python must do it */
static PyObject *py_identify(PyObject *module, PyObject *given)
{
    (void)module;
    PyObject *plain = folded(given), *exact = Py_NewRef(Py_None);
    if (plain == NULL && !PyErr_Occurred()) {
        plain = Py_NewRef(Py_None);
    } else if (plain != NULL && !may_be_json(plain)) {
        Py_DECREF(exact);
        exact = py_digest(NULL, plain);
    }
    PyObject *both = plain == NULL || exact == NULL ? NULL : PyTuple_Pack(2, plain, exact);
    Py_XDECREF(plain);
    Py_XDECREF(exact);
    return both;
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

/* What is known of a text while it is measured. `room` is two texts long: one for the masked form, one for the rest. */
typedef struct {
    view plain, masked;
    uint8_t *room, *scratch;
    int numbered;
} measured;

static int start_measuring(view plain, size_t cap, measured *m)
{
    const size_t part = plain.size > cap ? cap + 1 : plain.size;
    const size_t scratch = (plain.size > part ? plain.size : part) + PADDING;
    spans found = {NULL, 0, 0, 0};
    volatile_spans(plain, &found);
    m->room = malloc(scratch + (found.count ? plain.size : 0));
    if (m->room == NULL || found.failed) {
        free(found.list);
        free(m->room);
        PyErr_NoMemory();
        return -1;
    }
    m->scratch = m->room;
    m->plain = m->masked = plain;
    if (found.count)
        m->masked = (view){m->room + scratch, replaced(plain, &found, m->room + scratch)};
    free(found.list);
    m->numbered = next_digit(m->masked, 0) != NOWHERE;
    return 0;
}

static PyObject *shape_digest(measured *m, PyObject *masked_digest)
{
    if (!m->numbered)
        return Py_NewRef(masked_digest);
    const view shape = {m->scratch, shaped(m->masked, m->scratch)};
    return PyLong_FromUnsignedLongLong(xxh3_64(shape));
}

/* Sketch the masked form, or its head and tail when it is longer than the cap; counts the words of all of it. */
static PyObject *sketch_of(measured *m, int wanted, size_t cap, size_t *words)
{
    uint8_t bins[BINS];
    view part = m->masked;
    if (wanted && part.size > cap) {
        const size_t half = cap / 2;
        uint8_t *const joined = malloc(2 * half + 1);
        if (joined == NULL)
            return PyErr_NoMemory();
        memcpy(joined, part.at, half);
        joined[half] = ' ';
        memcpy(joined + half + 1, part.at + part.size - half, half);
        const size_t found = sketched((view){joined, 2 * half + 1}, m->scratch, bins);
        free(joined);
        *words = sketched(part, m->scratch, NULL);
        return bytes_of(bins, found ? BINS : 0);
    }
    *words = sketched(part, m->scratch, bins);
    return bytes_of(bins, wanted && *words ? BINS : 0);
}

static PyObject *numbers_of(const measured *m)
{
    double found[MOST_NUMBERS];
    const size_t count = numbers(m->masked, found);
    PyObject *given = PyTuple_New((Py_ssize_t)count);
    for (size_t at = 0; given != NULL && at < count; at++) {
        PyObject *value = PyFloat_FromDouble(found[at]);
        if (value == NULL || PyTuple_SetItem(given, (Py_ssize_t)at, value) < 0)
            Py_CLEAR(given);
    }
    return given;
}

/* measure(plain, exact, result, sketched, cap_bytes, watched) */
static PyObject *py_measure(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    (void)module;
    view plain, watched;
    measured m;
    if (!expects(count, 6) || read_bytes(given[0], &plain) < 0 || read_bytes(given[5], &watched) < 0)
        return NULL;
    const int result = PyObject_IsTrue(given[2]), sketch = PyObject_IsTrue(given[3]);
    const size_t cap = PyLong_AsSize_t(given[4]);
    if (PyErr_Occurred())
        return NULL;
    if (watched.size != WATCH_BYTES || cap < 2 || cap > SIZE_MAX / 4)
        return PyErr_Format(PyExc_ValueError, "watched has %d bytes, and the cap is two at least", WATCH_BYTES);
    if (start_measuring(plain, cap, &m) < 0)
        return NULL;
    size_t words = 0;
    PyObject *masked = m.masked.at == plain.at ? Py_NewRef(given[1]) : PyLong_FromUnsignedLongLong(xxh3_64(m.masked));
    PyObject *shape = masked == NULL ? NULL : shape_digest(&m, masked);
    PyObject *bins = sketch_of(&m, sketch, cap, &words);
    PyObject *values = result && m.numbered ? numbers_of(&m) : PyTuple_New(0);
    const int content = result ? surely_content(plain, watched.at) : plain.size > 4;
    free(m.room);
    PyObject *all = NULL;
    if (masked != NULL && shape != NULL && bins != NULL && values != NULL)
        all = Py_BuildValue("OOnOOO", masked, shape, (Py_ssize_t)words, content ? Py_True : Py_False, bins, values);
    Py_XDECREF(masked);
    Py_XDECREF(shape);
    Py_XDECREF(bins);
    Py_XDECREF(values);
    return all;
}

static PyObject *form_of(PyObject *given, int shape)
{
    view plain;
    measured m;
    if (read_bytes(given, &plain) < 0 || start_measuring(plain, 2, &m) < 0)
        return NULL;
    PyObject *made;
    if (shape && m.numbered)
        made = bytes_of(m.scratch, shaped(m.masked, m.scratch));
    else
        made = m.masked.at == plain.at ? Py_NewRef(given) : bytes_of(m.masked.at, m.masked.size);
    free(m.room);
    return made;
}

static PyObject *py_mask(PyObject *module, PyObject *given) { (void)module; return form_of(given, 0); }
static PyObject *py_shape(PyObject *module, PyObject *given) { (void)module; return form_of(given, 1); }

static PyMethodDef functions[] = {
    {"fold", py_fold, METH_O, "Fold white space; None when the pure form must do it."},
    {"identify", py_identify, METH_O, "The canonical form and its digest; see identify.py for what is left to Python."},
    {"digest", py_digest, METH_O, "The XXH3 64-bit digest of bytes."},
    {"word_hash", py_word_hash, METH_O, "Hash a word as the sketch does."},
    {"mask", py_mask, METH_O, "The masked form of a canonical form; the same object when nothing is volatile."},
    {"shape", py_shape, METH_O, "The shape of a canonical form."},
    {"measure", (PyCFunction)(void (*)(void))py_measure, METH_FASTCALL,
     "Masked and shape digests, words, whether it is surely content, sketch and numbers of a canonical form."},
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
