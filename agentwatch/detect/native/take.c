/* bank.py: one event counted, read, asked about and learnt, at one go where nobody has anything to say of it. */
#include "watchers.h"

/* Whether an event counts for nothing but its cost (bank.py): it was held, or is our own doing; -1 with an exception. */
static int is_no_evidence(PyObject *seen, PyObject *event)
{
    PyObject *const status = get(event, Event_status);
    if (is_word(status, word_held) ||
        (PyUnicode_Check(status) && PyUnicode_CompareWithASCIIString(status, "held") == 0))
        return 1;
    return PyObject_IsTrue(get(seen, Observation_own_effect));
}

/* Whether a reading speaks against anybody (reading.py), or may: then those are asked, too, who would say nothing else. */
static int may_accuse(PyObject *reading)
{
    int odd = 0;
    if (!is(reading, Reading_))
        return 1;
    PyObject *const said = get(reading, Reading_said);
    if (said == Py_None)
        return get(reading, Reading_kind) != Py_None && has_text(get(reading, Reading_kind));
    return !is(said, Said_) || real_of(get(said, Said_weight), &odd) != 0.0 ||
           real_of(get(said, Said_link), &odd) != 0.0 || odd || get(reading, Reading_phrase) != Py_None;
}

static int done(PyObject *nothing)
{
    Py_XDECREF(nothing);
    return nothing == NULL ? -1 : 0;
}

static int hear(PyObject *hears, PyObject *const *given)
{
    for (Py_ssize_t at = 0, size = PyTuple_Size(hears); at < size; at++)
        if (done(PyObject_CallFunctionObjArgs(PyTuple_GetItem(hears, at), given[0], given[1], NULL)) < 0)
            return -1;
    return 0;
}

/* Ask, and where nobody says anything let all learn; gives the signals. */
static PyObject *judged(PyObject *module, PyObject *const *given, PyObject *panel)
{
    PyObject *const reading = get(given[1], Scope_reading);
    PyObject *asked[] = {given[0], given[1], PyTuple_GetItem(panel, may_accuse(reading) ? PANEL_ACCUSED : PANEL_CALM)};
    PyObject *told[] = {given[0], given[1], PyTuple_GetItem(panel, PANEL_LEARNS)};
    PyObject *const signals = py_ask(module, asked, 3);
    if (signals == NULL || PyList_Size(signals) > 0)
        return signals;
    if (done(py_learn(module, given, 2)) == 0 && done(py_tell(module, told, 3)) == 0)
        return signals;
    Py_DECREF(signals);
    return NULL;
}

/* take(seen, scope, panel): the signals; where there are any, nobody has learnt the event yet */
FAST(take)
{
    if (count != 3 || !PyTuple_Check(given[2]) || PyTuple_Size(given[2]) != PANEL_SIZE || !is(given[0], Observation_) ||
        !is(given[1], Scope_) || !is(get(given[0], Observation_event), Event_))
        return PyErr_Format(PyExc_TypeError, "an observation, its scope and a panel are wanted");
    known its;
    know(&its, given[0], given[1]);
    PyObject *const hears = PyTuple_GetItem(given[2], PANEL_HEARS);
    int silent = done(py_account(module, given, 2));
    if (silent == 0)
        silent = is_no_evidence(given[0], get(given[0], Observation_event));
    if (silent == 0 && hears != Py_None)
        silent = hear(hears, given) < 0 ? -1 : 1;
    if (silent == 0)
        silent = done(py_read(module, given, 2));
    PyObject *const signals = silent < 0 ? NULL : silent ? PyList_New(0) : judged(module, given, given[2]);
    forget_known();
    return signals;
}
