/* Which detectors have nothing to say of an event. Each test says less than its detector's method and never more. */
#include "watchers.h"

#define EXACT (1LL << 52) /* up to here no float loses anything of a whole number */

static int is_kind(const glance *its, const char *kind)
{
    PyObject *const found = get(its->reading, Reading_kind);
    return !PyUnicode_Check(found) || PyUnicode_CompareWithASCIIString(found, kind) == 0;
}

/* evidence.py: whether the event is not evidence of this kind, or of too little to be told. */
static int is_little(const glance *its, const char *kind, PyObject *warn)
{
    int odd = 0;
    if (!is_kind(its, kind))
        return 1;
    const double hard = real_of(get(its->history, History_hard), &odd) + real_of(get(its->reading, Reading_hard), &odd);
    const double soft = real_of(get(its->history, History_soft), &odd);
    return hard + soft + real_of(get(its->reading, Reading_soft), &odd) < real_of(warn, &odd) && !odd;
}

/* monologue.py: whether what is said again is too little to be told. */
static int is_little_said(const glance *its, PyObject *options)
{
    int odd = 0;
    PyObject *const spoken = get(its->history, History_spoken);
    const double weight = real_of(get(its->said, Said_weight), &odd), link = real_of(get(its->said, Said_link), &odd);
    if (odd || spoken == Py_None || (weight == 0.0 && link == 0.0))
        return !odd;
    if (!is(spoken, Spoken_) || !is(options, MonologueOptions_))
        return 0;
    const double warn = real_of(get(options, MonologueOptions_warn), &odd);
    const double stale = weight != 0.0 ? real_of(get(spoken, Spoken_stale), &odd) + weight : 0.0;
    const double chain = link != 0.0 ? real_of(get(spoken, Spoken_chain), &odd) + link : 0.0;
    return stale < warn && chain < warn && !odd;
}

/* pingpong.py: whether too little was exchanged, or nothing is said. */
static int is_little_exchanged(const glance *its, PyObject *options)
{
    int odd = 0;
    PyObject *const exchange = get(its->root, RootState_exchange);
    if (exchange == Py_None)
        return 1;
    return is(exchange, Exchange_) && is(options, PingpongOptions_) &&
           real_of(get(exchange, Exchange_stale), &odd) < real_of(get(options, PingpongOptions_warn), &odd) && !odd;
}

/* degenerate.py: whether no piece of what was said comes again close by. */
static int is_no_chant(const glance *its)
{
    Py_ssize_t size = 0;
    PyObject *const output = get(its->event, Event_output);
    if (output == Py_None)
        return get(its->event, Event_fp) == Py_None;
    const char *const at = PyUnicode_Check(output) ? PyUnicode_AsUTF8AndSize(output, &size) : NULL;
    if (at == NULL)
        PyErr_Clear(); /* lone surrogates */
    return at != NULL && PyUnicode_GetLength(output) == size && !has_echo((view){(const uint8_t *)at, (size_t)size});
}

/* unattended.py: whether the agent was asked too seldom to tell what it usually spends, or does not spend more. */
static int is_little_spent(const glance *its, PyObject *options)
{
    int odd = 0;
    PyObject *const asked = get(its->agent, AgentState_asked);
    if (asked == Py_None || its->seldom == Py_None)
        return 1;
    if (!is(asked, Asked_) || !is(options, UnattendedOptions_))
        return 0;
    const long long before = whole_of(get(its->seldom, Seldom_asked_nusd), &odd);
    const long long cost = whole_of(get(its->run, RunState_cost_nusd), &odd);
    const long long most = whole_of(get(asked, Asked_most_nusd), &odd);
    if (odd || cost < 0 || cost > EXACT || before > EXACT || most < 0 || most > EXACT)
        return 0; /* larger ones are compared in Python */
    const double spent = (double)(cost - before), least = real_of(get(options, UnattendedOptions_spend_usd), &odd) * 1e9;
    const double usual = real_of(get(options, UnattendedOptions_warn), &odd) * (double)most;
    return (before < 0 || spent < least || spent < usual ||
            whole_of(get(asked, Asked_count), &odd) < whole_of(get(options, UnattendedOptions_spend_asked), &odd)) &&
           !odd;
}

/* slow.py: whether nothing came again in the app, or nothing of the event may. */
static int is_new_or_none(const glance *its, PyObject *options)
{
    PyObject *const hitters = get(its->app, AppState_hitters);
    if (hitters == Py_None || (is(hitters, Hitters_) && is_none(get(hitters, Hitters_known))))
        return 1;
    const int none = has_no_keys(its);
    return none == 1 || (none == 0 && is_new_here(its, options));
}

static int has_job(const glance *its)
{
    int odd = 0;
    return digest_of(get(its->run, RunState_job), &odd) != 0 && !odd;
}

int is_mute(int watcher, const glance *its, PyObject *options)
{
    switch (watcher) {
    case watcher_repeat:
        return is_little(its, "repeat", is(options, RepeatOptions_) ? get(options, RepeatOptions_warn) : Py_None);
    case watcher_stagnation:
        return is_little(its, "stagnation", is(options, StagnationOptions_) ? get(options, StagnationOptions_warn) : Py_None);
    case watcher_failure:
        return is_little(its, "failure", is(options, FailureOptions_) ? get(options, FailureOptions_warn) : Py_None);
    case watcher_paraphrase:
        return get(its->reading, Reading_phrase) == Py_None &&
               is_little(its, "paraphrase", is(options, ParaphraseOptions_) ? get(options, ParaphraseOptions_warn) : Py_None);
    case watcher_monologue:
        return its->said == Py_None || is_little_said(its, options);
    case watcher_cycle:
        return is_no_round(its->seen, its->scope, options);
    case watcher_pingpong:
        return is_little_exchanged(its, options);
    case watcher_slow:
        return is_new_or_none(its, options);
    case watcher_degenerate:
        return is_no_chant(its);
    case watcher_spawn:
        return get(its->root, RootState_brood) == Py_None || is_no_child(its) || is_small_brood(its, options);
    case watcher_restart:
        return get(its->app, AppState_jobs) == Py_None || has_job(its) || is_no_known_job(its);
    case watcher_context:
        return get(its->run, RunState_growth) == Py_None;
    case watcher_unattended:
        return is_none(get(its->app, AppState_beats)) && is_little_spent(its, options);
    case watcher_rate: {
        PyObject *const pace = get(its->agent, AgentState_pace);
        return pace == Py_None || (is(pace, Pace_) && get(pace, Pace_alarm) == zero);
    }
    default:
        return 0;
    }
}
