/* Which detectors an event concerns: those that could neither say nor learn anything of it are not asked.
 *
 * Each test says less than its detector's method and never more: where anything is not as expected, it is asked.
 */
#include "watchers.h"

static int glance_at(PyObject *seen, PyObject *scope, glance *its)
{
    if (!is(seen, Observation_) || !is(scope, Scope_))
        return 0;
    *its = (glance){.seen = seen,
                    .scope = scope,
                    .event = get(seen, Observation_event),
                    .prints = get(seen, Observation_prints),
                    .run = get(scope, Scope_run),
                    .root = get(scope, Scope_root),
                    .agent = get(scope, Scope_agent),
                    .app = get(scope, Scope_app),
                    .history = get(scope, Scope_history),
                    .reading = get(scope, Scope_reading)};
    if (!is(its->event, Event_) || !is(its->prints, Prints_) || !is(its->run, RunState_) || !is(its->root, RootState_) ||
        !is(its->agent, AgentState_) || !is(its->app, AppState_) || !is(its->history, History_) ||
        !is(its->reading, Reading_))
        return 0;
    its->op = get(its->event, Event_op);
    its->status = get(its->event, Event_status);
    its->trigger = get(its->event, Event_trigger);
    its->said = get(its->reading, Reading_said);
    its->seldom = get(its->run, RunState_seldom);
    return is_known_word(its->op) && (its->status == Py_None || is_known_word(its->status)) &&
           (its->trigger == Py_None || is_known_word(its->trigger)) &&
           (its->said == Py_None || is(its->said, Said_)) && (its->seldom == Py_None || is(its->seldom, Seldom_));
}

/* Whether a map or a list holds nothing, or there is none. */
static int is_none(PyObject *given)
{
    return given == Py_None || (PyDict_CheckExact(given) && PyDict_Size(given) == 0);
}

static int is_kind(const glance *its, const char *kind)
{
    PyObject *const found = get(its->reading, Reading_kind);
    return !PyUnicode_Check(found) || PyUnicode_CompareWithASCIIString(found, kind) == 0;
}

/* A number of what few runs know, as it is where nothing is known. */
static int is_nought_of(const glance *its, int field)
{
    int odd = 0;
    return its->seldom == Py_None || (real_of(get(its->seldom, field), &odd) == 0.0 && !odd);
}

/* slow.py: whether the event names nothing that may come again. */
static int has_no_keys(const glance *its)
{
    int odd = 0;
    if (is_word(its->trigger, word_human) || is_word(its->status, word_error) || is_word(its->status, word_denied) ||
        is_word(its->status, word_rate_limited))
        return 1;
    if (get(its->event, Event_documents) != Py_None)
        return 0;
    if (!is_word(its->op, word_chat) && !is_word(its->op, word_message) && !is_word(its->op, word_invoke_agent))
        return 1;
    const text told = text_of(get(its->prints, Prints_input), &odd);
    if (odd || told.print == Py_None || told.words < limits[limit_slow_words])
        return !odd;
    if (its->said != Py_None && truth_of(get(its->said, Said_acted), &odd) && !odd)
        return 1;
    const double ran_s = real_of(get(its->seen, Observation_now), &odd) - real_of(get(its->run, RunState_started), &odd);
    const double sparse_s = (double)limits[limit_slow_sparse] * (double)whole_of(get(its->run, RunState_events), &odd);
    return whole_of(get(its->run, RunState_chats), &odd) > 1 && ran_s < sparse_s && !odd;
}

static int has_job(const glance *its)
{
    int odd = 0;
    return digest_of(get(its->run, RunState_job), &odd) != 0 && !odd;
}

/* restart.py: whether the run's job is known, and nothing is to be kept of it yet. */
static int goes_on(const glance *its)
{
    int odd = 0;
    const uint64_t job = digest_of(get(its->run, RunState_job), &odd);
    if (odd || job <= (uint64_t)limits[limit_exempt])
        return !odd && job != 0;
    return is_nought_of(its, Seldom_human_at) && is_none(get(its->app, AppState_jobs)) && !is_word(its->op, word_run_end);
}

static int is_alone_in_tree(const glance *its)
{
    PyObject *const root = get(its->run, RunState_root), *const run = get(its->run, RunState_run);
    return root == run || (PyUnicode_Check(root) && PyUnicode_Check(run) && PyUnicode_Compare(root, run) == 0);
}

/* Whether a detector has nothing to say of the event, by what it would look at first. */
static int is_mute(int watcher, const glance *its, PyObject *options)
{
    switch (watcher) {
    case watcher_repeat:
        return !is_kind(its, "repeat");
    case watcher_stagnation:
        return !is_kind(its, "stagnation");
    case watcher_failure:
        return !is_kind(its, "failure");
    case watcher_paraphrase:
        return get(its->reading, Reading_phrase) == Py_None && !is_kind(its, "paraphrase");
    case watcher_monologue:
        return its->said == Py_None;
    case watcher_cycle:
        return is_no_round(its->seen, its->scope, options);
    case watcher_pingpong:
        return get(its->root, RootState_exchange) == Py_None;
    case watcher_slow: {
        PyObject *const hitters = get(its->app, AppState_hitters);
        return hitters == Py_None || (is(hitters, Hitters_) && is_none(get(hitters, Hitters_known))) || has_no_keys(its);
    }
    case watcher_degenerate:
        return get(its->event, Event_output) == Py_None && get(its->event, Event_fp) == Py_None;
    case watcher_spawn:
        return get(its->root, RootState_brood) == Py_None;
    case watcher_restart:
        return get(its->app, AppState_jobs) == Py_None || has_job(its);
    case watcher_context:
        return get(its->run, RunState_growth) == Py_None;
    case watcher_unattended:
        return is_none(get(its->app, AppState_beats)) && get(its->agent, AgentState_asked) == Py_None;
    case watcher_rate: {
        PyObject *const pace = get(its->agent, AgentState_pace);
        return pace == Py_None || (is(pace, Pace_) && get(pace, Pace_alarm) == zero);
    }
    default:
        return 0;
    }
}

/* Whether a detector is done with the event: 1 where it has nothing to learn or that is done here, 0, or -1. */
static int is_done(int watcher, const glance *its, PyObject *options)
{
    switch (watcher) {
    case watcher_pingpong:
        return get(its->root, RootState_exchange) == Py_None && is_none(get(its->run, RunState_others)) &&
               get(its->root, RootState_descendants) == zero && !has_text(get(its->event, Event_to_agent));
    case watcher_slow:
        return has_no_keys(its);
    case watcher_spawn:
        return is_alone_in_tree(its) && !is_word(its->op, word_invoke_agent);
    case watcher_restart:
        return goes_on(its);
    case watcher_compaction:
        return !is_word(its->op, word_compact) &&
               (its->seldom == Py_None || get(its->seldom, Seldom_shrinking) == Py_None);
    case watcher_unattended:
        return get(its->event, Event_interval_s) == Py_None && is_nought_of(its, Seldom_interval_s) &&
               !is_word(its->trigger, word_human) && !is_word(its->trigger, word_schedule) &&
               (its->seldom == Py_None || !is_word(its->op, word_run_end));
    case watcher_rate:
        return add_to_pace(its, options);
    case watcher_cohort:
        return add_to_manner(its, options);
    default:
        return 0;
    }
}

/* Take an entry of a panel: which detector it is of, its method and its options; 0 with an exception. */
static int entry_of(PyObject *panel, Py_ssize_t at, long *watcher, PyObject **method, PyObject **options)
{
    PyObject *const entry = PyTuple_GetItem(panel, at);
    if (entry == NULL || !PyTuple_Check(entry) || PyTuple_Size(entry) != 3) {
        PyErr_SetString(PyExc_TypeError, "an entry of a panel is a tuple of 3");
        return 0;
    }
    *watcher = PyLong_AsLong(PyTuple_GetItem(entry, 0));
    *method = PyTuple_GetItem(entry, 1);
    *options = PyTuple_GetItem(entry, 2);
    return !PyErr_Occurred();
}

/* What a panel is asked with: its entries, and what is known of the event until a method ran, which may change it. */
typedef struct {
    PyObject *seen, *scope, *panel;
    int known;
    glance its;
} round_of;

static int begin(round_of *all, PyObject *const *given, Py_ssize_t count)
{
    if (count != 3 || !PyTuple_Check(given[2])) {
        PyErr_SetString(PyExc_TypeError, "an observation, its scope and a tuple of entries are wanted");
        return 0;
    }
    *all = (round_of){.seen = given[0], .scope = given[1], .panel = given[2]};
    all->known = glance_at(all->seen, all->scope, &all->its);
    return 1;
}

static PyObject *call(round_of *all, PyObject *method)
{
    PyObject *const given = PyObject_CallFunctionObjArgs(method, all->seen, all->scope, NULL);
    all->known = glance_at(all->seen, all->scope, &all->its);
    return given;
}

/* ask(seen, scope, panel): the signals of all detectors that have one */
FAST(ask)
{
    (void)module;
    round_of all;
    long watcher;
    PyObject *method, *options;
    if (!begin(&all, given, count))
        return NULL;
    PyObject *const found = PyList_New(0);
    for (Py_ssize_t at = 0, size = PyTuple_Size(all.panel); found != NULL && at < size; at++) {
        if (!entry_of(all.panel, at, &watcher, &method, &options))
            goto failed;
        if (all.known && is_mute((int)watcher, &all.its, options))
            continue;
        PyObject *const signal = call(&all, method);
        const int kept = signal == NULL || (signal != Py_None && PyList_Append(found, signal) < 0) ? -1 : 0;
        Py_XDECREF(signal);
        if (kept < 0)
            goto failed;
    }
    return found;
failed:
    Py_XDECREF(found);
    return NULL;
}

/* tell(seen, scope, panel) */
FAST(tell)
{
    (void)module;
    round_of all;
    long watcher;
    PyObject *method, *options;
    if (!begin(&all, given, count))
        return NULL;
    for (Py_ssize_t at = 0, size = PyTuple_Size(all.panel); at < size; at++) {
        if (!entry_of(all.panel, at, &watcher, &method, &options))
            return NULL;
        const int done = all.known ? is_done((int)watcher, &all.its, options) : 0;
        PyObject *const nothing = done < 0 ? NULL : done ? Py_NewRef(Py_None) : call(&all, method);
        if (nothing == NULL)
            return NULL;
        Py_DECREF(nothing);
    }
    return Py_NewRef(Py_None);
}
