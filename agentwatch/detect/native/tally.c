/* tally.py: what counts events of which nothing follows but sums, a batch at a time.
 *
 * What it counts into is not of detection, so that the classes, and where their fields lie, are given when it is made.
 */
#include "place.h"
#include "tally.h"

static const int kind_of[SPOTS] = {LINE, LINE, LINE, LINE, LINE, LINE, LINE, LINE, RUN, RUN, OUTCOME, OUTCOME};

/* take(seen, scope, rule): 0 where nothing was counted, 1 where all was, 2 where the gate is still to be told */
static PyObject *py_take_plain(PyObject *self, PyObject *const *given, Py_ssize_t count)
{
    if (count != 3 || !is(given[0], Observation_) || !is(given[1], Scope_) || !PyUnicode_Check(given[2]))
        return PyErr_Format(PyExc_TypeError, "an observation, its scope and a rule's name are wanted");
    const int what = count_event((tally *)self, given[0], given[1], given[2]);
    return what < 0 ? NULL : PyLong_FromLong(what);
}

static void close_batch(tally *all)
{
    PyObject *const held[] = {all->latest,   all->begun,    all->batch,        all->runs,
                              all->outcomes, all->move_run, all->move_outcome, all->moment};
    all->latest = all->begun = all->batch = all->runs = all->outcomes = NULL;
    all->move_run = all->move_outcome = all->moment = NULL;
    for (size_t at = 0; at < sizeof held / sizeof *held; at++)
        Py_XDECREF(held[at]);
}

/* open(latest, begun, batch, most, runs, active_s, outcomes, outcome_s, now) */
static PyObject *py_open(PyObject *self, PyObject *args)
{
    tally *const all = (tally *)self;
    PyObject *latest, *begun, *batch, *runs, *outcomes;
    Py_ssize_t most;
    double active_s, outcome_s, now;
    if (!PyArg_ParseTuple(args, "O!O!O!nO!dO!dd", &PyDict_Type, &latest, &PyList_Type, &begun, &PyLong_Type, &batch, &most,
                          &PyDict_Type, &runs, &active_s, &PyDict_Type, &outcomes, &outcome_s, &now))
        return NULL;
    close_batch(all);
    all->move_run = PyObject_GetAttrString(runs, "move_to_end");
    all->move_outcome = all->move_run == NULL ? NULL : PyObject_GetAttrString(outcomes, "move_to_end");
    all->moment = all->move_outcome == NULL ? NULL : PyFloat_FromDouble(now);
    if (all->moment == NULL) {
        close_batch(all);
        return NULL;
    }
    all->latest = Py_NewRef(latest);
    all->begun = Py_NewRef(begun);
    all->batch = Py_NewRef(batch);
    all->runs = Py_NewRef(runs);
    all->outcomes = Py_NewRef(outcomes);
    all->most = most;
    all->active_s = active_s;
    all->outcome_s = outcome_s;
    all->now = now;
    return Py_NewRef(Py_None);
}

/* close() */
static PyObject *py_close(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    close_batch((tally *)self);
    return Py_NewRef(Py_None);
}

static int find_spots(tally *all, PyObject *kinds, PyObject *spots)
{
    for (Py_ssize_t at = 0; at < KINDS; at++) {
        PyObject *const kind = PyTuple_GetItem(kinds, at);
        if (!PyType_Check(kind)) {
            PyErr_Format(PyExc_TypeError, "%R is no type", kind);
            return -1;
        }
        all->kinds[at] = (PyTypeObject *)Py_NewRef(kind);
    }
    for (Py_ssize_t at = 0; at < SPOTS; at++) {
        const Py_ssize_t most = size_of_objects((PyObject *)all->kinds[kind_of[at]]), step = (Py_ssize_t)sizeof(PyObject *);
        const Py_ssize_t place = PyLong_AsSsize_t(PyTuple_GetItem(spots, at));
        if (PyErr_Occurred())
            return -1;
        if (place < (Py_ssize_t)sizeof(PyObject) || place + step > most || place % step) {
            PyErr_Format(PyExc_ValueError, "a field cannot lie at %zd of %zd bytes", place, most);
            return -1;
        }
        all->spots[at] = place;
    }
    return 0;
}

/* Tally(names, (line, run, outcome), places of their fields) */
static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *names, *kinds, *spots;
    if (named != NULL && PyDict_Size(named) > 0)
        return PyErr_Format(PyExc_TypeError, "nothing is given by name");
    if (!PyArg_ParseTuple(args, "O!O!O!", &PyDict_Type, &names, &PyTuple_Type, &kinds, &PyTuple_Type, &spots))
        return NULL;
    if (PyTuple_Size(kinds) != KINDS || PyTuple_Size(spots) != SPOTS)
        return PyErr_Format(PyExc_TypeError, "%d classes and %d places are wanted", KINDS, SPOTS);
    tally *const made = (tally *)PyType_GenericAlloc(type, 0);
    if (made == NULL)
        return NULL;
    made->names = Py_NewRef(names);
    if (find_spots(made, kinds, spots) < 0) {
        Py_DECREF(made);
        return NULL;
    }
    return (PyObject *)made;
}

static void end(PyObject *self)
{
    tally *const all = (tally *)self;
    PyTypeObject *const type = Py_TYPE(self);
    close_batch(all);
    Py_XDECREF(all->names);
    for (int at = 0; at < KINDS; at++)
        Py_XDECREF((PyObject *)all->kinds[at]);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"take", (PyCFunction)(void (*)(void))py_take_plain, METH_FASTCALL, "Count an event, if nothing but sums follows."},
    {"open", py_open, METH_VARARGS, "Begin a batch."},
    {"close", py_close, METH_NOARGS, "End a batch: nothing is counted until the next one."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot tally_slots[] = {
    {Py_tp_new, (void *)make}, {Py_tp_dealloc, (void *)end}, {Py_tp_methods, methods}, {0, NULL}};
PyType_Spec tally_spec = {"agentwatch.detect._kernel.Tally", sizeof(tally), 0, Py_TPFLAGS_DEFAULT, tally_slots};
