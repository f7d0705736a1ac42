/* The single steps of a fingerprint as functions of Python: some are used alone, and the tests compare them all. */
#include "canonical.h"
#include "measure.h"
#include "module.h"

#include <stdlib.h>

PyObject *py_digest(PyObject *module, PyObject *given)
{
    (void)module;
    view text;
    return read_bytes(given, &text) < 0 ? NULL : PyLong_FromUnsignedLongLong(xxh3_64(text));
}

static PyObject *bytes_or_none(int done, view text)
{
    if (done)
        return bytes_of(text.at, text.size);
    return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

PyObject *py_unbroken(PyObject *module, PyObject *given)
{
    (void)module;
    view text;
    scratch room = {0};
    if (read_bytes(given, &text) < 0)
        return NULL;
    uint8_t *const broken = malloc(text.size + 1);
    if (broken == NULL)
        return PyErr_NoMemory();
    int ascii;
    text = (view){broken, unbroken(text, broken, &ascii)};
    const int done = fold_view(&text, ascii, &room);
    PyObject *const made = bytes_or_none(done, text);
    clear(&room);
    free(broken);
    return made;
}

PyObject *py_fold(PyObject *module, PyObject *given)
{
    (void)module;
    view text;
    scratch room = {0};
    const int done = fold_text(given, &text, &room);
    PyObject *const made = bytes_or_none(done, text);
    clear(&room);
    return made;
}

PyObject *py_word_hash(PyObject *module, PyObject *given)
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
    forms text;
    view plain;
    scratch room = {0};
    if (read_bytes(given, &plain) < 0)
        return NULL;
    PyObject *made = NULL;
    if (find_forms(plain, &room, &text) < 0)
        PyErr_NoMemory();
    else if (shape && is_numbered(&text))
        made = bytes_of(text.work, shaped(text.masked, &text.its, text.work));
    else
        made = text.masked.at == plain.at ? Py_NewRef(given) : bytes_of(text.masked.at, text.masked.size);
    clear(&room);
    return made;
}

PyObject *py_mask(PyObject *module, PyObject *given) { (void)module; return form_of(given, 0); }
PyObject *py_shape(PyObject *module, PyObject *given) { (void)module; return form_of(given, 1); }

static int read_manner(PyObject *const *given, manner *how)
{
    view watched;
    how->result = PyObject_IsTrue(given[0]);
    how->sketch = PyObject_IsTrue(given[1]);
    how->cap = PyLong_AsSize_t(given[2]);
    if (PyErr_Occurred() || read_bytes(given[3], &watched) < 0)
        return -1;
    how->watched = watched.at;
    if (watched.size == WATCH_BYTES && how->cap >= 2 && how->cap <= SIZE_MAX / 4)
        return 0;
    PyErr_Format(PyExc_ValueError, "watched has %d bytes, and the cap is two at least", WATCH_BYTES);
    return -1;
}

/* measure(plain, exact, result, sketched, cap_bytes, watched) */
PyObject *py_measure(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    (void)module;
    view plain;
    manner how;
    figures its;
    scratch room = {0};
    if (!expects(count, 6) || read_bytes(given[0], &plain) < 0 || read_manner(given + 2, &how) < 0)
        return NULL;
    const uint64_t exact = PyLong_AsUnsignedLongLong(given[1]);
    if (PyErr_Occurred())
        return NULL;
    const int failed = measure(plain, exact, &how, &room, &its) < 0;
    clear(&room);
    if (failed)
        return PyErr_NoMemory();
    PyObject *const found = numbers_of(&its);
    return found == NULL ? NULL
                         : Py_BuildValue("KKnOy#N", (unsigned long long)its.masked, (unsigned long long)its.shape,
                                         (Py_ssize_t)its.words, its.content ? Py_True : Py_False, its.sketch,
                                         (Py_ssize_t)(its.sketched ? BINS : 0), found);
}

/* shingles(masked, cap_bytes): hashes of eight bytes each, those of all words and then those of all pairs */
PyObject *py_shingles(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    (void)module;
    view masked;
    if (!expects(count, 2) || read_bytes(given[0], &masked) < 0)
        return NULL;
    const size_t cap = PyLong_AsSize_t(given[1]);
    if (PyErr_Occurred())
        return NULL;
    if (cap < 2 || cap > SIZE_MAX / 64)
        return PyErr_Format(PyExc_ValueError, "the cap is two at least");
    const size_t size = masked.size < cap + 1 ? masked.size : cap + 1; /* of bytes, and so at most of words */
    uint8_t *const room = malloc(2 * size + PADDING);
    uint64_t *const hashes = malloc((2 * size + 1) * sizeof *hashes);
    PyObject *made = NULL;
    if (room != NULL && hashes != NULL) {
        const view part = sketched_part(masked, cap, room + size + PADDING);
        const size_t words = shingled(part, room, hashes, hashes + size);
        const size_t pairs = words ? words - 1 : 0;
        memmove(hashes + words, hashes + size, pairs * sizeof *hashes);
        made = bytes_of((const uint8_t *)hashes, (words + pairs) * sizeof *hashes);
    } else {
        PyErr_NoMemory();
    }
    free(room);
    free(hashes);
    return made;
}
