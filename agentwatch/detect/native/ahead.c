/* What the next events belong to, looked up before their turn, and brought near before it is wanted.
 *
 * With many agents nearly all that an event touches is out of the caches: some sixty lines, most behind a pointer in
 * another, and to wait for each in turn takes longer than to work on them. So while an event is judged, the lines of those
 * after it are asked for, one link of the chain an event. This changes nothing but what is near: an address that is no
 * longer right costs a line. What was found is held by references of its own until its turn, or until something is gone.
 */
#include "places.h"

/* How many events before its turn a link is followed; `AHEAD` is in between: then it is looked up. */
enum { LINE = 64, SOON = AHEAD + 4, NAMED = AHEAD + 2, NEAR = 3, NEARER = 2 };

static inline void bring(const void *at) { __builtin_prefetch(at, 1, 3); }

/* Bring the lines of an object itself. */
static void bring_whole(PyObject *object, int class)
{
    for (Py_ssize_t at = 0; at < sizes[class]; at += LINE)
        bring((char *)object + at);
}

/* Bring what the fields of an object refer to: the first line of each, where nearly all have all of theirs. */
static void bring_fields(PyObject *object, int class)
{
    PyObject **const field = (PyObject **)((char *)object + sizeof(PyObject));
    const size_t count = ((size_t)sizes[class] - sizeof(PyObject)) / sizeof(PyObject *);
    for (size_t at = 0; at < count; at++)
        bring(field[at]);
}

static void bring_bytes(PyObject *owner, int field)
{
    int odd = 0;
    const view found = bytes_in(get(owner, field), &odd);
    for (size_t at = LINE / 2; at < found.size; at += LINE) /* their head is a half of the first line */
        bring(found.at + at);
}

static void bring_field_of(PyObject *owner, int field, int class)
{
    PyObject *const found = get(owner, field);
    if (is(found, class))
        bring_fields(found, class);
}

static void bring_home(const home *its)
{
    bring_whole(its->run, RunState_);
    bring_whole(its->agent, AgentState_);
}

static void bring_first(const home *its)
{
    bring_fields(its->run, RunState_);
    bring_fields(its->agent, AgentState_);
    bring_whole(get(its->run, RunState_own), History_);
}

static void bring_second(const home *its)
{
    PyObject *const history = get(its->run, RunState_own);
    bring_bytes(its->run, RunState_recent);
    bring_field_of(its->run, RunState_tree, RootState_);
    bring_field_of(its->run, RunState_growth, Growth_);
    bring_field_of(its->agent, AgentState_today, DayTotals_);
    bring_field_of(its->agent, AgentState_pace, Pace_);
    bring_field_of(its->agent, AgentState_manner, Manner_);
    if (is(history, History_))
        bring_fields(history, History_);
}

static void bring_third(const home *its)
{
    PyObject *const history = get(its->run, RunState_own);
    if (!is(history, History_))
        return;
    bring_bytes(history, History_calls);
    bring_bytes(history, History_near);
    bring_field_of(history, History_spoken, Spoken_);
    PyObject *const laps = get(history, History_cycle);
    if (is(laps, Laps_)) {
        bring_fields(laps, Laps_);
        bring_field_of(laps, Laps_step, OpenStep_);
    }
}

static void drop(home *found)
{
    const home held = *found;
    *found = (home){NULL, NULL, NULL};
    Py_XDECREF(held.app);
    Py_XDECREF(held.agent);
    Py_XDECREF(held.run);
}

void forget_found(places_of *its)
{
    for (int at = 0; at < ROOM; at++)
        drop(&its->found[at]);
    its->looked_up = its->at;
}

void forget_coming(places_of *its)
{
    forget_found(its);
    Py_CLEAR(its->coming);
    Py_CLEAR(its->prints);
    its->at = its->looked_up = 0;
}

static const home *found_at(const places_of *its, Py_ssize_t at)
{
    const home *const found = &its->found[at & (ROOM - 1)];
    return at < its->looked_up && found->run != NULL ? found : NULL;
}

static void look_up(places_of *its)
{
    PyObject *const event = PyList_GetItem(its->coming, its->looked_up);
    home *const into = &its->found[its->looked_up & (ROOM - 1)];
    home found;
    drop(into);
    its->looked_up++;
    if (event != NULL && is(event, Event_) && find_home(its->apps, event, &found)) {
        *into = (home){Py_NewRef(found.app), Py_NewRef(found.agent), Py_NewRef(found.run)};
        bring_home(into);
    }
    PyErr_Clear(); /* what cannot be looked up is told when it is its turn */
}

/* An event so many places on, or its fingerprints; NULL where there are none. */
static PyObject *item_at(PyObject *list, Py_ssize_t at, int class)
{
    PyObject *const item = list != NULL && at < PyList_Size(list) ? PyList_GetItem(list, at) : NULL;
    return item != NULL && is(item, class) ? item : NULL;
}

/* Bring the events that are to be looked up soon, and then the names in them. */
static void bring_coming(const places_of *its)
{
    PyObject *const soon = item_at(its->coming, its->at + SOON, Event_);
    PyObject *const named = item_at(its->coming, its->at + NAMED, Event_);
    if (soon != NULL)
        bring_whole(soon, Event_);
    if (named != NULL) {
        bring(get(named, Event_app));
        bring(get(named, Event_agent));
        bring(get(named, Event_run));
        bring(get(named, Event_root_run));
        bring(get(named, Event_id));
    }
}

static void bring_prints(const places_of *its)
{
    static const int texts[] = {Prints_input, Prints_output, Prints_arguments, Prints_result};
    PyObject *const soon = item_at(its->prints, its->at + NEAR, Prints_);
    PyObject *const nearer = item_at(its->prints, its->at + NEARER, Prints_);
    PyObject *const next = item_at(its->prints, its->at + 1, Prints_);
    if (soon != NULL)
        bring_whole(soon, Prints_);
    for (size_t at = 0; at < sizeof texts / sizeof texts[0]; at++) {
        if (nearer != NULL && get(nearer, texts[at]) != Py_None)
            bring_whole(get(nearer, texts[at]), Fingerprint_);
        if (next != NULL && is(get(next, texts[at]), Fingerprint_)) {
            bring_fields(get(next, texts[at]), Fingerprint_);
            bring_bytes(get(next, texts[at]), Fingerprint_sketch);
        }
    }
}

void look_ahead(places_of *its)
{
    const Py_ssize_t size = its->coming == NULL ? 0 : PyList_Size(its->coming);
    bring_coming(its);
    bring_prints(its);
    while (its->looked_up < size && its->looked_up < its->at + AHEAD)
        look_up(its);
    const home *const near = found_at(its, its->at + NEAR), *const nearer = found_at(its, its->at + NEARER);
    const home *const next = found_at(its, its->at + 1);
    if (near != NULL)
        bring_first(near);
    if (nearer != NULL)
        bring_second(nearer);
    if (next != NULL)
        bring_third(next);
}

const home *expected(places_of *its, PyObject *event)
{
    if (its->coming == NULL)
        return NULL;
    if (its->at >= PyList_Size(its->coming) || PyList_GetItem(its->coming, its->at) != event) {
        forget_coming(its); /* another came */
        PyErr_Clear();
        return NULL;
    }
    return found_at(its, its->at);
}
