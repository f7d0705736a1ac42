/* Which detectors an event concerns: those that could neither say nor learn anything of it are not asked.
 *
 * Each test says less than its detector's method and never more: where anything is not as expected, it is asked.
 */
#include "watchers.h"

int glance_at(PyObject *seen, PyObject *scope, glance *its)
{
    sight known;
    if (!look(seen, scope, &known))
        return 0;
    *its = (glance){.seen = seen,
                    .scope = scope,
                    .event = known.event,
                    .prints = known.prints,
                    .run = known.run,
                    .root = known.root,
                    .history = known.history,
                    .op = known.op,
                    .status = known.status,
                    .agent = get(scope, Scope_agent),
                    .app = get(scope, Scope_app),
                    .reading = get(scope, Scope_reading)};
    if (!is(its->agent, AgentState_) || !is(its->app, AppState_) || !is(its->reading, Reading_))
        return 0;
    its->trigger = get(its->event, Event_trigger);
    its->said = get(its->reading, Reading_said);
    its->seldom = get(its->run, RunState_seldom);
    return (its->said == Py_None || is(its->said, Said_)) && (its->seldom == Py_None || is(its->seldom, Seldom_));
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

int is_mute(int watcher, const glance *its, PyObject *options)
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

static int learnt(PyObject *(*learn)(PyObject *, PyObject *const *, Py_ssize_t), const glance *its)
{
    PyObject *const given[] = {its->seen, its->scope}, *const nothing = learn(NULL, given, 2);
    Py_XDECREF(nothing);
    return nothing == NULL ? -1 : 1;
}

int is_done(int watcher, const glance *its, PyObject *options)
{
    switch (watcher) {
    case watcher_cycle:
        return learnt(py_learn_cycle, its);
    case watcher_context:
        return learnt(py_learn_context, its);
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
