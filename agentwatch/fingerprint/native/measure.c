/* What a fingerprint holds of a text, and the look-up of those that are known. */
#include "module.h"

#include <stdlib.h>

int start_measuring(view plain, size_t cap, measured *m)
{
    const size_t part = plain.size > cap ? cap + 1 : plain.size;
    const size_t work = (plain.size > part ? plain.size : part) + PADDING;
    spans found = {NULL, 0, 0, 0};
    volatile_spans(plain, &found);
    m->room = malloc(work + (found.count ? plain.size : 0));
    if (m->room == NULL || found.failed) {
        free(found.list);
        free(m->room);
        PyErr_NoMemory();
        return -1;
    }
    m->plain = m->masked = plain;
    if (found.count)
        m->masked = (view){m->room + work, replaced(plain, &found, m->room + work)};
    free(found.list);
    m->numbered = next_digit(m->masked, 0) != NOWHERE;
    return 0;
}

static PyObject *number_of(uint64_t digest) { return PyLong_FromUnsignedLongLong(digest); }

static PyObject *shape_digest(measured *m, PyObject *masked_digest)
{
    if (!m->numbered)
        return Py_NewRef(masked_digest);
    const view shape = {m->room, shaped(m->masked, m->room)};
    return number_of(xxh3_64(shape));
}

/* Sketch the masked form, or its head and tail when it is longer than the cap; counts the words of all of it. */
static PyObject *sketch_of(measured *m, int wanted, size_t cap, size_t *words)
{
    uint8_t bins[BINS];
    view part = m->masked;
    if (wanted && part.size > cap) {
        uint8_t *const joined = malloc(cap + 1);
        if (joined == NULL)
            return PyErr_NoMemory();
        const size_t found = sketched(sketched_part(part, cap, joined), m->room, bins);
        free(joined);
        *words = sketched(part, m->room, NULL);
        return bytes_of(bins, found ? BINS : 0);
    }
    *words = sketched(part, m->room, wanted ? bins : NULL);
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

/* The parts of a fingerprint beside its exact digest: new references, or NULL where one could not be made. */
typedef struct {
    PyObject *masked, *shape, *words, *sketch, *numbers;
    int content; /* whether the text is surely content */
} parts;

static int parts_of(view plain, PyObject *exact, int result, int sketch, size_t cap, const uint8_t *watched, parts *made)
{
    measured m;
    size_t words = 0;
    if (start_measuring(plain, cap, &m) < 0)
        return -1;
    made->masked = m.masked.at == plain.at ? Py_NewRef(exact) : number_of(xxh3_64(m.masked));
    made->shape = made->masked == NULL ? NULL : shape_digest(&m, made->masked);
    made->sketch = sketch_of(&m, sketch, cap, &words);
    made->words = PyLong_FromSize_t(words);
    made->numbers = result && m.numbered ? numbers_of(&m) : PyTuple_New(0);
    made->content = result ? surely_content(plain, watched) : plain.size > 4;
    free(m.room);
    return made->masked && made->shape && made->sketch && made->words && made->numbers ? 0 : -1;
}

static void drop(parts *made)
{
    Py_XDECREF(made->masked);
    Py_XDECREF(made->shape);
    Py_XDECREF(made->words);
    Py_XDECREF(made->sketch);
    Py_XDECREF(made->numbers);
}

/* How texts of one role are treated: the arguments that stay the same from call to call. */
typedef struct {
    int result, sketch;
    size_t cap;
    view watched;
} manner;

static int read_manner(PyObject *result, PyObject *sketch, PyObject *cap, PyObject *watched, manner *how)
{
    how->result = PyObject_IsTrue(result);
    how->sketch = PyObject_IsTrue(sketch);
    how->cap = PyLong_AsSize_t(cap);
    if (PyErr_Occurred() || read_bytes(watched, &how->watched) < 0)
        return -1;
    if (how->watched.size == WATCH_BYTES && how->cap >= 2 && how->cap <= SIZE_MAX / 4)
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
    parts made = {0};
    if (!expects(count, 6) || read_bytes(given[0], &plain) < 0 ||
        read_manner(given[2], given[3], given[4], given[5], &how) < 0)
        return NULL;
    PyObject *all = NULL;
    if (parts_of(plain, given[1], how.result, how.sketch, how.cap, how.watched.at, &made) == 0)
        all = PyTuple_Pack(6, made.masked, made.shape, made.words, made.content ? Py_True : Py_False, made.sketch,
                           made.numbers);
    drop(&made);
    return all;
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

/* The items of a role, a tuple (compiled.py makes it). */
enum { KNOWN, RESULT, SKETCHED, CAP, WATCHED, MAKE, CONTENT, CLASSIFY, CANONICAL, REWRITTEN, ROLE_ITEMS };

static PyObject *item(PyObject *role, int at) { return PyTuple_GetItem(role, at); }

/* Give a text's canonical form; what the compiled form cannot do is asked of the pure one. */
static PyObject *canonical(PyObject *text, PyObject *role)
{
    PyObject *plain = folded(text);
    view form;
    if (plain == NULL)
        return PyErr_Occurred() ? NULL : PyObject_CallFunctionObjArgs(item(role, CANONICAL), text, NULL);
    if (read_bytes(plain, &form) < 0 || form.size == 0)
        return plain;
    const uint8_t first = form.at[0], last = form.at[form.size - 1];
    if ((first == '{' && last == '}') || (first == '[' && last == ']')) {
        PyObject *const before = plain;
        plain = PyObject_CallFunctionObjArgs(item(role, REWRITTEN), before, NULL);
        Py_DECREF(before);
    }
    return plain;
}

/* Look a fingerprint up and put it last in the order of use; a new reference, or NULL with or without an exception. */
static PyObject *known(PyObject *all, PyObject *exact)
{
    PyObject *found = PyDict_GetItemWithError(all, exact);
    if (found == NULL)
        return NULL;
    Py_INCREF(found);
    if (PyDict_DelItem(all, exact) < 0 || PyDict_SetItem(all, exact, found) < 0)
        Py_CLEAR(found);
    return found;
}

static PyObject *made_anew(PyObject *plain, PyObject *exact, PyObject *role)
{
    view form;
    manner how;
    parts made = {0};
    PyObject *print = NULL, *klass = NULL, *size = NULL;
    if (read_bytes(plain, &form) < 0 ||
        read_manner(item(role, RESULT), item(role, SKETCHED), item(role, CAP), item(role, WATCHED), &how) < 0)
        return NULL;
    if (parts_of(form, exact, how.result, how.sketch, how.cap, how.watched.at, &made) == 0) {
        klass = made.content ? Py_NewRef(item(role, CONTENT))
                             : PyObject_CallFunctionObjArgs(item(role, CLASSIFY), plain, NULL);
        size = PyLong_FromSize_t(form.size);
    }
    if (klass != NULL && size != NULL)
        print = PyObject_CallFunctionObjArgs(item(role, MAKE), exact, made.masked, made.shape, size, made.words, klass,
                                             made.sketch, made.numbers, NULL);
    drop(&made);
    Py_XDECREF(klass);
    Py_XDECREF(size);
    return print;
}

/* fingerprint(text, role) */
PyObject *py_fingerprint(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    (void)module;
    view form;
    if (!expects(count, 2))
        return NULL;
    PyObject *const role = given[1];
    if (!PyTuple_Check(role) || PyTuple_Size(role) != ROLE_ITEMS || !PyDict_Check(item(role, KNOWN)))
        return PyErr_Format(PyExc_TypeError, "a role is a tuple of %d items, the first of them a dict", ROLE_ITEMS);
    PyObject *plain = canonical(given[0], role);
    if (plain == NULL)
        return NULL;
    PyObject *exact = read_bytes(plain, &form) < 0 ? NULL : number_of(xxh3_64(form));
    PyObject *print = exact == NULL ? NULL : known(item(role, KNOWN), exact);
    if (print == NULL && !PyErr_Occurred()) {
        print = made_anew(plain, exact, role);
        if (print != NULL && PyDict_SetItem(item(role, KNOWN), exact, print) < 0)
            Py_CLEAR(print);
    }
    Py_DECREF(plain);
    Py_XDECREF(exact);
    return print;
}
