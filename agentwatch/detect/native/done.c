/* Which detectors have nothing to learn from an event. Each test says less than its detector's method and never more. */
#include "watchers.h"

/* A number of what few runs know, as it is where nothing is known. */
static int is_nought_of(const glance *its, int field)
{
    int odd = 0;
    return its->seldom == Py_None || (real_of(get(its->seldom, field), &odd) == 0.0 && !odd);
}

int has_no_keys(const glance *its)
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
        return odd ? -1 : 1;
    if (its->said != Py_None && truth_of(get(its->said, Said_acted), &odd))
        return odd ? -1 : 1;
    const double ran_s = real_of(get(its->seen, Observation_now), &odd) - real_of(get(its->run, RunState_started), &odd);
    const double sparse_s = (double)limits[limit_slow_sparse] * (double)whole_of(get(its->run, RunState_events), &odd);
    const int none = whole_of(get(its->run, RunState_chats), &odd) > 1 && ran_s < sparse_s;
    return odd ? -1 : none;
}

/* restart.py: whether nothing is kept of the job, or this run is known as its latest. */
static int is_on_its_way(const glance *its)
{
    int odd = 0;
    PyObject *const jobs = get(its->app, AppState_jobs);
    if (is_none(jobs))
        return 1;
    PyObject *const job = PyDict_CheckExact(jobs) && PyLong_CheckExact(get(its->run, RunState_job))
                              ? PyDict_GetItemWithError(jobs, get(its->run, RunState_job))
                              : Py_None;
    if (job == NULL)
        return 1;
    if (!is(job, Job_) || !PyUnicode_CheckExact(get(job, Job_run)) || !PyUnicode_CheckExact(get(its->run, RunState_run)))
        return 0;
    return (truth_of(get(job, Job_overlaps), &odd) && !odd) ||
           PyUnicode_Compare(get(job, Job_run), get(its->run, RunState_run)) == 0;
}

/* restart.py: whether the run's job is known, and nothing is to be kept of it yet. */
static int goes_on(const glance *its)
{
    int odd = 0;
    const uint64_t job = digest_of(get(its->run, RunState_job), &odd);
    if (odd || job <= (uint64_t)limits[limit_exempt])
        return !odd && job != 0;
    return is_nought_of(its, Seldom_human_at) && !is_word(its->op, word_run_end) && is_on_its_way(its);
}

int is_no_child(const glance *its)
{
    int odd = 0;
    if (is_word(its->op, word_invoke_agent))
        return 0;
    if (is_alone_in_tree(its))
        return 1;
    if (its->seldom == Py_None || whole_of(get(its->seldom, Seldom_depth), &odd) == 0 || odd)
        return 0;
    const text told = text_of(get(its->prints, Prints_input), &odd);
    return (truth_of(get(its->seldom, Seldom_prompted), &odd) || told.print == Py_None || !told.words) && !odd;
}

/* pingpong.py: whether nobody else speaks in the tree, and nothing was exchanged there. */
static int is_by_itself(const glance *its)
{
    return get(its->root, RootState_exchange) == Py_None && is_none(get(its->run, RunState_others)) &&
           get(its->root, RootState_descendants) == zero && !has_text(get(its->event, Event_to_agent));
}

/* spawn.py: whether the event is neither a descendant's birth nor its end, nor a call for one. */
static int is_no_descendant(const glance *its)
{
    if (is_word(its->op, word_invoke_agent))
        return 0;
    return is_alone_in_tree(its) || (is_no_child(its) && (get(its->root, RootState_brood) == Py_None ||
                                                          !is_word(its->op, word_run_end)));
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
        return is_by_itself(its) ? 1 : take_message(its);
    case watcher_slow:
        switch (has_no_keys(its)) {
        case 1:
            return 1;
        case 0:
            return take_prompt(its, options);
        default:
            return 0;
        }
    case watcher_spawn:
        return is_no_descendant(its) ? 1 : take_child(its);
    case watcher_restart:
        return get(its->run, RunState_job) == zero ? begin_job(its, options) : goes_on(its);
    case watcher_compaction:
        return !is_word(its->op, word_compact) &&
               (its->seldom == Py_None || get(its->seldom, Seldom_shrinking) == Py_None);
    case watcher_unattended:
        return take_waking(its);
    case watcher_rate:
        return add_to_pace(its, options);
    case watcher_cohort:
        return add_to_manner(its, options);
    default:
        return 0;
    }
}
