/* population.py and dedup.py: where an event of a run that goes on belongs. */
#include "slots.h"

enum { SLOT = 9, ID = 6, LATEST = 0xFFFFFF }; /* dedup.py */

static long long second_at(view ring, size_t at)
{
    const uint8_t *const entry = ring.at + at + ID;
    return (long long)entry[0] | (long long)entry[1] << 8 | (long long)entry[2] << 16;
}

/* Give the ring of ids with one more in it; NULL without an exception where it was seen or the pure form must tell. */
static PyObject *noted(view ring, view id, double age_s, long long most, double window_s)
{
    uint8_t slot[SLOT];
    if (ring.size % SLOT || ring.size > 256 * SLOT || most < 1 || !(age_s >= 0.0))
        return NULL;
    const long long second = age_s < LATEST ? (long long)age_s : LATEST;
    const uint64_t digest = xxh3_64(id);
    for (int byte = 0; byte < ID; byte++)
        slot[byte] = (uint8_t)(digest >> (56 - 8 * byte));
    for (int byte = 0; byte < 3; byte++)
        slot[ID + byte] = (uint8_t)(second >> 8 * byte);
    for (size_t at = 0; at < ring.size; at += SLOT)
        if (memcmp(ring.at + at, slot, ID) == 0)
            return NULL;
    const size_t room = (size_t)most * SLOT;
    size_t first = ring.size >= room ? ring.size - room + SLOT : 0;
    while (first < ring.size && (double)(second - second_at(ring, first)) > window_s)
        first += SLOT;
    return with_end(ring, first, (view){slot, SLOT});
}

static int is_same_name(PyObject *one_name, PyObject *other)
{
    return one_name == other || PyUnicode_Compare(one_name, other) == 0;
}

/* A run, tree, agent or app by its name; borrowed, and NULL where there is none of it. */
static PyObject *found_in(PyObject *named, PyObject *name, int class)
{
    PyObject *const found = PyDict_CheckExact(named) ? PyDict_GetItemWithError(named, name) : NULL;
    return found != NULL && is(found, class) ? found : NULL;
}

typedef struct {
    PyObject *app, *agent, *run, *root;
    double now;
    int later; /* the app's clock moves on */
} home;

static PyObject *app_of(PyObject *apps, PyObject *event)
{
    PyObject *const key = PyTuple_Pack(2, get(event, Event_tenant), get(event, Event_app));
    PyObject *const app = key == NULL ? NULL : found_in(apps, key, AppState_);
    Py_XDECREF(key);
    return app;
}

/* Find where an event belongs; 0 where something is to begin, to move or to be forgotten, which the pure form does. */
static int find_home(PyObject *apps, PyObject *event, double sweep_s, double idle_s, home *its)
{
    int odd = 0;
    PyObject *const agent = get(event, Event_agent), *const name = get(event, Event_run);
    PyObject *const root = get(event, Event_root_run);
    if (!PyUnicode_CheckExact(agent) || !PyUnicode_CheckExact(name) || !PyUnicode_CheckExact(root) ||
        !PyUnicode_CheckExact(get(event, Event_app)) || is_same_name(get(event, Event_app), agent) ||
        (its->app = app_of(apps, event)) == NULL)
        return 0; /* without an app of its own it may belong to another's */
    const double ts = real_of(get(event, Event_ts), &odd), clock = real_of(get(its->app, AppState_clock), &odd);
    its->later = ts > clock;
    its->now = its->later ? ts : clock;
    if (odd || !(its->now - real_of(get(its->app, AppState_swept), &odd) < sweep_s))
        return 0;
    its->agent = found_in(get(its->app, AppState_agents), agent, AgentState_);
    its->run = its->agent ? found_in(get(its->app, AppState_runs), name, RunState_) : NULL;
    if (its->run == NULL || truth_of(get(its->run, RunState_ended), &odd) ||
        !is_same_name(agent, get(its->run, RunState_agent)) ||
        !(is_same_name(root, get(its->run, RunState_root)) || is_same_name(root, name)))
        return 0; /* one that names another root than before moves under it */
    if (is_same_name(name, agent) && !(its->now - real_of(get(its->run, RunState_last), &odd) <= idle_s))
        return 0; /* a run without an id of its own ends by being idle */
    its->root = get(its->run, RunState_tree);
    if (its->root == Py_None)
        its->root = found_in(get(its->app, AppState_roots), get(its->run, RunState_root), RootState_);
    return !odd && its->root != NULL && is(its->root, RootState_);
}

/* place(apps, event, index, (sweep_s, idle_s, duplicate_events, duplicate_s), nothing): a scope, or None */
PyObject *py_place_event(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    (void)module;
    home its;
    int odd = 0;
    if (count != 5 || !PyTuple_Check(given[3]) || PyTuple_Size(given[3]) != 4)
        return PyErr_Format(PyExc_TypeError, "5 arguments are wanted, the fourth a tuple of 4");
    PyObject *const event = given[1], *const bounds = given[3];
    const double sweep_s = real_of(PyTuple_GetItem(bounds, 0), &odd), idle_s = real_of(PyTuple_GetItem(bounds, 1), &odd);
    const long long most = whole_of(PyTuple_GetItem(bounds, 2), &odd);
    const double window_s = real_of(PyTuple_GetItem(bounds, 3), &odd);
    if (odd || !is(event, Event_) || !find_home(given[0], event, sweep_s, idle_s, &its))
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    PyObject *const history = get(its.run, RunState_own);
    const double age_s = its.now - real_of(get(its.run, RunState_started), &odd);
    const view ring = bytes_in(get(its.run, RunState_recent), &odd), id = text_in(get(event, Event_id), &odd);
    PyObject *const recent = odd ? NULL : noted(ring, id, age_s, most, window_s);
    if (recent == NULL)
        return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
    PyObject *const scope =
        PyObject_CallFunctionObjArgs((PyObject *)types[Scope_], its.app, its.agent, its.root, its.run, history, given[4], NULL);
    if (scope != NULL) {
        put_same(its.run, RunState_recent, recent);
        put_same(its.app, AppState_last_index, given[2]);
        if (its.later)
            put_same(its.app, AppState_clock, get(event, Event_ts));
    }
    Py_DECREF(recent);
    return scope;
}
