/* hitters.py and slow.py: a prompt that may come again, among those that came lately. */
#include "watchers.h"

enum { ENTRY = 12, AT_SECONDS = 8 }; /* a digest, and seconds since `base` */

/* The prompt of an event as its key; 0 where documents are, which are for the pure form. */
static uint64_t key_of(const glance *its, int *odd)
{
    if (get(its->event, Event_documents) != Py_None)
        return 0;
    const text told = text_of(get(its->prints, Prints_input), odd);
    return told.masked ? told.masked : 1;
}

/* Give what is remembered of a key, borrowed; NULL where nothing is, and then `odd` where that cannot be told. */
static PyObject *record_of(PyObject *hitters, uint64_t key, int *odd)
{
    PyObject *const known = get(hitters, Hitters_known);
    if (is_none(known))
        return NULL;
    PyObject *const wanted = PyDict_CheckExact(known) ? PyLong_FromUnsignedLongLong(key) : NULL;
    PyObject *const found = wanted == NULL ? NULL : PyDict_GetItemWithError(known, wanted);
    *odd |= wanted == NULL;
    Py_XDECREF(wanted);
    PyErr_Clear();
    return found;
}

int is_new_here(const glance *its, PyObject *options)
{
    int odd = 0;
    PyObject *const hitters = get(its->app, AppState_hitters);
    if (!is(hitters, Hitters_) || !is(options, SlowOptions_))
        return 0;
    const uint64_t key = key_of(its, &odd);
    PyObject *const known = key ? record_of(hitters, key, &odd) : NULL;
    if (odd || !key || known == NULL)
        return !odd && key;
    return is(known, Recurrence_) &&
           real_of(get(its->seen, Observation_now), &odd) - real_of(get(known, Recurrence_last), &odd) <
               real_of(get(options, SlowOptions_gap_s), &odd) &&
           !odd;
}

/* Put a key at the end of the ring: 1, or -1. */
static int note(PyObject *hitters, PyObject *ring, uint64_t key, PyObject *now, uint32_t seconds, long long most)
{
    Py_ssize_t size = PyByteArray_Size(ring);
    if (size == 0)
        put_same(hitters, Hitters_base, now);
    if (size >= most * ENTRY) {
        uint8_t *const at = (uint8_t *)PyByteArray_AsString(ring);
        if (add(hitters, Hitters_dropped, one) < 0)
            return -1;
        memmove(at, at + ENTRY, (size_t)(size - ENTRY));
        size -= ENTRY;
    }
    if (PyByteArray_Resize(ring, size + ENTRY) < 0)
        return -1;
    uint8_t *const at = (uint8_t *)PyByteArray_AsString(ring) + size;
    store64(at, key);
    memcpy(at + AT_SECONDS, &seconds, sizeof seconds);
    return 1;
}

int take_prompt(const glance *its, PyObject *options)
{
    int odd = 0;
    PyObject *const hitters = get(its->app, AppState_hitters), *const now = get(its->seen, Observation_now);
    const uint64_t key = key_of(its, &odd);
    if (odd || !key || !is(options, SlowOptions_) || !is(hitters, Hitters_) || record_of(hitters, key, &odd) != NULL || odd)
        return 0;
    PyObject *const ring = get(hitters, Hitters_ring);
    const long long most = whole_of(get(options, SlowOptions_keys), &odd);
    const double gap_s = real_of(get(options, SlowOptions_gap_s), &odd), base = real_of(get(hitters, Hitters_base), &odd);
    if (!PyByteArray_CheckExact(ring) || PyByteArray_Size(ring) % ENTRY || odd || most < 1 ||
        !PyLong_CheckExact(get(hitters, Hitters_dropped)))
        return 0;
    const Py_ssize_t size = PyByteArray_Size(ring);
    const uint8_t *const at = (const uint8_t *)PyByteArray_AsString(ring);
    const double since_s = size ? real_of(now, &odd) - base : 0.0, seconds = real_of(now, &odd);
    for (Py_ssize_t place = size - ENTRY; place >= 0; place -= ENTRY)
        if (load64(at + place) == key)
            return !odd && seconds - (base + (double)load32(at + place + AT_SECONDS)) < gap_s;
    if (odd)
        return 0;
    const uint32_t kept = !(since_s >= 1.0) ? 0 : since_s >= 4294967295.0 ? 0xFFFFFFFFu : (uint32_t)since_s;
    return note(hitters, ring, key, now, kept, most);
}
