/* unattended.py: who woke the agent, and what it spent on what it was asked before. */
#include "watchers.h"

#define MOST (1LL << 52) /* so that no float loses anything of it */

/* What is to be written. interval: NULL where the event names none. */
typedef struct {
    PyObject *interval, *asked;
    long long spent, nusd;
    int asks, ends, was_asked;
} waking;

static int is_of_clock(const glance *its) { return is_word(its->trigger, word_schedule) || its->trigger == Py_None; }

/* Whether the event may be a beat of the schedule that wakes the agent, which is for the pure form. */
static int may_beat(const glance *its, const waking *made, int *odd)
{
    uint64_t key;
    PyObject *const interval = made->interval != NULL      ? made->interval
                               : its->seldom != Py_None ? get(its->seldom, Seldom_interval_s)
                                                        : nought;
    if (real_of(interval, odd) == 0.0 || !is_of_clock(its))
        return 0;
    const uint64_t woken = its->seldom == Py_None ? 0 : digest_of(get(its->seldom, Seldom_woken), odd);
    if (!woken)
        return is_alone_in_tree(its);
    if (whole_of(get(its->run, RunState_events), odd) <= 1 || !is_word(its->trigger, word_schedule) ||
        !is_word(its->op, word_chat) || has_text(get(its->run, RunState_task)))
        return 0;
    return !job_key(its, &key) || key == woken;
}

static long long amount_of(PyObject *given, int *odd)
{
    const long long found = given == Py_None ? 0 : whole_of(given, odd);
    *odd |= found > MOST || found < -MOST;
    return found;
}

/* Read what is spent from one asking to the next; 0 for the pure form. */
static int read_waking(const glance *its, waking *made)
{
    int odd = 0;
    PyObject *const interval = get(its->event, Event_interval_s), *const asked = get(its->agent, AgentState_asked);
    const long long before = its->seldom == Py_None ? -1 : amount_of(get(its->seldom, Seldom_asked_nusd), &odd);
    const long long cost = amount_of(get(its->run, RunState_cost_nusd), &odd);
    const long long own = amount_of(get(its->seen, Observation_cost_nusd), &odd);
    const int called = is_word(its->trigger, word_human) || is_word(its->trigger, word_schedule);
    *made = (waking){.interval = interval == Py_None ? NULL : interval, .asked = asked};
    if (is_word(its->op, word_heartbeat) || is_word(its->op, word_run_start) || may_beat(its, made, &odd) || odd)
        return 0;
    made->ends = is_word(its->op, word_run_end);
    made->asks = called || (before >= 0 && made->ends);
    made->was_asked = made->asks && before >= 0;
    made->nusd = made->ends ? -1 : cost - own;
    made->spent = cost - (made->ends ? 0 : own) - before;
    if (made->was_asked && asked != Py_None)
        return is(asked, Asked_) && PyLong_CheckExact(get(asked, Asked_count)) &&
               (amount_of(get(asked, Asked_most_nusd), &odd), !odd);
    return 1;
}

/* Keep what one asking cost; -1 with an exception. */
static int keep_spent(const glance *its, const waking *made)
{
    int odd = 0;
    PyObject *asked = made->asked;
    if (asked == Py_None) {
        if ((asked = PyObject_CallNoArgs((PyObject *)types[Asked_])) == NULL)
            return -1;
        put(its->agent, AgentState_asked, asked);
    }
    const double faded = (double)whole_of(get(asked, Asked_most_nusd), &odd) * weights[weight_unattended_DECAY];
    const long long left = (long long)faded;
    PyObject *const most = PyLong_FromLongLong(left > made->spent ? left : made->spent);
    if (most == NULL)
        return -1;
    put(asked, Asked_most_nusd, most);
    return add(asked, Asked_count, one);
}

int take_waking(const glance *its)
{
    waking made;
    if (!read_waking(its, &made))
        return 0;
    if (made.interval == NULL && !made.asks)
        return 1;
    PyObject *const nusd = PyLong_FromLongLong(made.nusd);
    PyObject *const seldom =
        its->seldom == Py_None ? PyObject_CallNoArgs((PyObject *)types[Seldom_]) : Py_NewRef(its->seldom);
    if (nusd == NULL || seldom == NULL || (made.was_asked && keep_spent(its, &made) < 0)) {
        Py_XDECREF(nusd);
        Py_XDECREF(seldom);
        return -1;
    }
    put_same(its->run, RunState_seldom, seldom);
    if (made.interval != NULL)
        put_same(seldom, Seldom_interval_s, made.interval);
    if (made.asks) {
        put_same(seldom, Seldom_asked_nusd, nusd);
        put_same(seldom, Seldom_asked_at, get(its->seen, Observation_now));
    }
    Py_DECREF(nusd);
    Py_DECREF(seldom);
    return 1;
}
