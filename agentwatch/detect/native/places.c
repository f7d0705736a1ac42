/* population.py and dedup.py: where an event of a run that goes on belongs. */
#include "places.h"

enum { SLOT = 9, ID = 6, LATEST = 0xFFFFFF }; /* dedup.py */
#define ID_BITS UINT64_C(0xFFFFFFFFFFFF)

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
    const uint64_t digest = __builtin_bswap64(xxh3_64(id)); /* the highest byte first, as xxhash gives it */
    memcpy(slot, &digest, ID);
    for (int byte = 0; byte < 3; byte++)
        slot[ID + byte] = (uint8_t)(second >> 8 * byte);
    int seen = 0;
    for (size_t at = 0; at < ring.size; at += SLOT)
        seen |= ((load64(ring.at + at) ^ digest) & ID_BITS) == 0;
    if (seen)
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

/* What an event belongs to, and what is to be done with it. */
typedef struct {
    PyObject *app, *agent, *run, *root;
    double now;
    int later; /* the app's clock moves on */
} placing;

static PyObject *app_of(PyObject *apps, PyObject *event)
{
    PyObject *const key = PyTuple_Pack(2, get(event, Event_tenant), get(event, Event_app));
    PyObject *const app = key == NULL ? NULL : found_in(apps, key, AppState_);
    Py_XDECREF(key);
    return app;
}

int find_home(PyObject *apps, PyObject *event, home *found)
{
    PyObject *const agent = get(event, Event_agent), *const name = get(event, Event_run), *const app = get(event, Event_app);
    if (!PyUnicode_CheckExact(agent) || !PyUnicode_CheckExact(name) || !PyUnicode_CheckExact(app) ||
        !PyUnicode_CheckExact(get(event, Event_tenant)) || is_same_name(app, agent) || (found->app = app_of(apps, event)) == NULL)
        return 0; /* without an app of its own it may belong to another's */
    found->run = found_in(get(found->app, AppState_runs), name, RunState_);
    PyObject *const known = found->run == NULL ? Py_None : get(found->run, RunState_agent);
    if (!PyUnicode_CheckExact(known) || !is_same_name(agent, known))
        return 0; /* it begins a run, or another agent speaks in this one */
    /* by the very string by which it is kept, whose hash is known and which need not be compared */
    found->agent = found_in(get(found->app, AppState_agents), known, AgentState_);
    return found->agent != NULL;
}

/* Whether the event goes on with what it belongs to; 0 where something is to begin, to move or to be forgotten, which the
 * pure form does. */
static int goes_on(const places_of *all, PyObject *event, placing *its)
{
    int odd = 0;
    PyObject *const name = get(event, Event_run), *const root = get(event, Event_root_run);
    PyObject *const agent = get(event, Event_agent);
    const double ts = real_of(get(event, Event_ts), &odd), clock = real_of(get(its->app, AppState_clock), &odd);
    its->later = ts > clock;
    its->now = its->later ? ts : clock;
    if (odd || !PyUnicode_CheckExact(root) || !(its->now - real_of(get(its->app, AppState_swept), &odd) < all->sweep_s))
        return 0;
    if (truth_of(get(its->run, RunState_ended), &odd) ||
        !(is_same_name(root, get(its->run, RunState_root)) || is_same_name(root, name)))
        return 0; /* one that names another root than before moves under it */
    if (is_same_name(name, agent) && !(its->now - real_of(get(its->run, RunState_last), &odd) <= all->idle_s))
        return 0; /* a run without an id of its own ends by being idle */
    its->root = get(its->run, RunState_tree);
    if (its->root == Py_None)
        its->root = found_in(get(its->app, AppState_roots), get(its->run, RunState_root), RootState_);
    return !odd && its->root != NULL && is(its->root, RootState_);
}

static PyObject *scope_of(const placing *its, PyObject *nothing)
{
    return PyObject_CallFunctionObjArgs((PyObject *)types[Scope_], its->app, its->agent, its->root, its->run,
                                        get(its->run, RunState_own), nothing, NULL);
}

/* Place an event; NULL without an exception, and nothing changed, where the pure form must. */
static PyObject *placed(places_of *all, const home *found, PyObject *event, PyObject *index)
{
    int odd = 0;
    placing its = {.app = found->app, .agent = found->agent, .run = found->run};
    if (!goes_on(all, event, &its))
        return NULL;
    const double age_s = its.now - real_of(get(its.run, RunState_started), &odd);
    const view ring = bytes_in(get(its.run, RunState_recent), &odd), id = text_in(get(event, Event_id), &odd);
    PyObject *const recent = odd ? NULL : noted(ring, id, age_s, all->most, all->window_s);
    PyObject *const scope = recent == NULL ? NULL : scope_of(&its, all->nothing);
    if (scope != NULL) {
        put_same(its.run, RunState_recent, recent);
        put_same(its.app, AppState_last_index, index);
        if (its.later)
            put_same(its.app, AppState_clock, get(event, Event_ts));
    }
    Py_XDECREF(recent);
    return scope;
}

/* place(event, index): a scope, or None */
static PyObject *py_place_event(PyObject *self, PyObject *const *given, Py_ssize_t count)
{
    places_of *const all = (places_of *)self;
    if (!expects_two(count))
        return NULL;
    home fresh;
    const home *found = expected(all, given[0]);
    if (found == NULL && is(given[0], Event_) && find_home(all->apps, given[0], &fresh))
        found = &fresh;
    PyObject *const scope = found == NULL ? NULL : placed(all, found, given[0], given[1]);
    if (scope == NULL && PyErr_Occurred())
        return NULL;
    if (all->coming != NULL) {
        all->at++;
        look_ahead(all);
        if (all->at == PyList_Size(all->coming))
            forget_coming(all);
    }
    return scope == NULL ? Py_NewRef(Py_None) : scope;
}

/* foresee(events, prints) */
static PyObject *py_foresee(PyObject *self, PyObject *const *given, Py_ssize_t count)
{
    places_of *const all = (places_of *)self;
    if (!expects_two(count))
        return NULL;
    if (!PyList_CheckExact(given[0]) || !PyList_CheckExact(given[1]) || PyList_Size(given[0]) != PyList_Size(given[1]))
        return PyErr_Format(PyExc_TypeError, "a list of events and one of the fingerprints of each are wanted");
    forget_coming(all);
    all->coming = Py_NewRef(given[0]);
    all->prints = Py_NewRef(given[1]);
    look_ahead(all);
    return Py_NewRef(Py_None);
}

/* forget() */
static PyObject *py_forget(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    forget_found((places_of *)self);
    return Py_NewRef(Py_None);
}

/* Places(apps, (sweep_s, idle_s, duplicate_events, duplicate_s), nothing) */
static PyObject *make(PyTypeObject *type, PyObject *args, PyObject *named)
{
    PyObject *apps, *nothing;
    double sweep_s, idle_s, window_s;
    long long most;
    if (named != NULL && PyDict_Size(named) > 0)
        return PyErr_Format(PyExc_TypeError, "nothing is given by name");
    if (!PyArg_ParseTuple(args, "O!(ddLd)O", &PyDict_Type, &apps, &sweep_s, &idle_s, &most, &window_s, &nothing))
        return NULL;
    places_of *const made = (places_of *)PyType_GenericAlloc(type, 0);
    if (made != NULL) {
        made->apps = Py_NewRef(apps);
        made->nothing = Py_NewRef(nothing);
        made->sweep_s = sweep_s;
        made->idle_s = idle_s;
        made->most = most;
        made->window_s = window_s;
    }
    return (PyObject *)made;
}

static void end(PyObject *self)
{
    places_of *const all = (places_of *)self;
    PyTypeObject *const type = Py_TYPE(self);
    forget_coming(all);
    Py_XDECREF(all->apps);
    Py_XDECREF(all->nothing);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"place", (PyCFunction)(void (*)(void))py_place_event, METH_FASTCALL, "Give where an event belongs, or None."},
    {"foresee", (PyCFunction)(void (*)(void))py_foresee, METH_FASTCALL, "Be told the events that will be placed next."},
    {"forget", py_forget, METH_NOARGS, "Look up anew what the next events belong to."},
    {NULL, NULL, 0, NULL},
};
static PyType_Slot places_slots[] = {
    {Py_tp_new, (void *)make}, {Py_tp_dealloc, (void *)end}, {Py_tp_methods, methods}, {0, NULL}};
PyType_Spec places_spec = {"agentwatch.detect._kernel.Places", sizeof(places_of), 0, Py_TPFLAGS_DEFAULT, places_slots};
