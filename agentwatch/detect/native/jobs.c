/* attempts.py, jobs.py and restart.py: which job an event begins, and the start of one of which nothing is known. */
#include "watchers.h"

enum { START = 12, AT_START = 8 }; /* an entry of the latest starts: a key, and unix seconds */
#define DAY_S 86400.0

static uint64_t digest_of_name(PyObject *name, int *odd) { return xxh3_64(text_in(name, odd)); }

int job_key(const glance *its, uint64_t *key)
{
    int odd = 0;
    PyObject *const task = get(its->run, RunState_task);
    const int alone = is_alone_in_tree(its);
    *key = 0;
    if (is_word(its->trigger, word_human) ||
        (its->seldom != Py_None && real_of(get(its->seldom, Seldom_human_at), &odd) != 0.0)) {
        *key = (uint64_t)limits[limit_exempt];
        return !odd;
    }
    if (is_word(its->op, word_compact) || is_word(its->op, word_run_end))
        return !odd;
    if (has_text(task) && alone) {
        *key = mixed(digest_of_name(get(its->run, RunState_agent), &odd), digest_of_name(task, &odd));
        return !odd;
    }
    uint64_t asked = 0;
    if (is_word(its->op, word_execute_tool)) {
        const text arguments = text_of(get(its->prints, Prints_arguments), &odd);
        asked = arguments.print == Py_None ? 0 : digest_of(get(arguments.print, Fingerprint_exact), &odd);
        asked = mixed(tool_digest(get(its->event, Event_tool), &odd), asked);
    } else {
        const text prompt = text_of(get(its->prints, Prints_input), &odd);
        if (prompt.print == Py_None || prompt.words < limits[limit_job_words] || is_word(its->op, word_invoke_agent))
            return !odd;
        asked = prompt.masked;
    }
    *key = mixed(alone ? 1 : digest_of_name(get(its->run, RunState_root), &odd), asked);
    return !odd;
}

int is_no_known_job(const glance *its)
{
    uint64_t key;
    PyObject *const jobs = get(its->app, AppState_jobs);
    if (!PyDict_CheckExact(jobs) || !job_key(its, &key))
        return 0;
    PyObject *const wanted = PyLong_FromUnsignedLongLong(key);
    const int known = wanted == NULL ? -1 : PyDict_Contains(jobs, wanted);
    Py_XDECREF(wanted);
    PyErr_Clear();
    return known == 0;
}

/* Find where a key stands among the latest starts; -1 where it does not. */
static Py_ssize_t start_of(view starts, uint64_t key)
{
    for (size_t at = starts.size; at >= START; at -= START)
        if (load64(starts.at + at - START) == key)
            return (Py_ssize_t)(at - START);
    return -1;
}

/* Give the latest starts with this one at their end, at most so many of them. */
static PyObject *noted(view starts, Py_ssize_t found, uint64_t key, uint32_t now, long long most)
{
    const size_t dropped = found >= 0 || starts.size >= (size_t)most * START ? START : 0;
    const size_t at = found >= 0 ? (size_t)found : 0, size = starts.size - dropped;
    PyObject *const made = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(size + START));
    if (made == NULL)
        return NULL;
    uint8_t *const out = (uint8_t *)PyBytes_AsString(made);
    memcpy(out, starts.at, at);
    memcpy(out + at, starts.at + at + dropped, size - at);
    store64(out + size, key);
    memcpy(out + size + AT_START, &now, sizeof now);
    return made;
}

/* Take in a start of a job of which nothing is known: 1, or 0 for the pure form, or -1. */
static int start(const glance *its, PyObject *options, uint64_t key)
{
    int odd = 0;
    const view starts = bytes_in(get(its->app, AppState_starts), &odd);
    const double now = real_of(get(its->seen, Observation_now), &odd);
    const long long most = whole_of(get(options, RestartOptions_starts), &odd);
    if (odd || starts.size % START || !(now >= 0.0 && now < 4294967296.0) || most < 1)
        return 0;
    const Py_ssize_t found = start_of(starts, key);
    if (found >= 0 && now - (double)load32(starts.at + found + AT_START) <= DAY_S)
        return 0;
    PyObject *const job = PyLong_FromUnsignedLongLong(key);
    PyObject *const made = job == NULL ? NULL : noted(starts, found, key, (uint32_t)now, most);
    if (made == NULL) {
        Py_XDECREF(job);
        return -1;
    }
    put(its->run, RunState_job, job);
    put(its->app, AppState_starts, made);
    put_same(its->agent, AgentState_run, get(its->run, RunState_run));
    return 1;
}

int begin_job(const glance *its, PyObject *options)
{
    uint64_t key;
    if (!is(options, RestartOptions_) || !job_key(its, &key))
        return 0;
    if (key == (uint64_t)limits[limit_exempt])
        put_same(its->run, RunState_job, one);
    if (key <= (uint64_t)limits[limit_exempt])
        return limits[limit_exempt] == 1;
    return is_none(get(its->app, AppState_jobs)) || is_no_known_job(its) ? start(its, options, key) : 0;
}
