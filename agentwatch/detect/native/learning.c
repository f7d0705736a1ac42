/* evidence.py: what was read of an event is taken into the history. */
#include "call.h"

#define NEWEST 0xFFFFFFFFu
#define W(name) weights[weight_evidence_##name]

/* What a reading says, and what the history holds against the run; `spread` says whether anything is told of it. */
typedef struct {
    PyObject *kind, *streak;
    double hard, soft, held_hard, held_soft;
    int novel, faint, partly, writes, fresh, failed, parallel, akin;
    uint64_t digests[2]; /* of the call and of the answer */
} learnt;

/* What is made before anything is written. */
typedef struct {
    PyObject *calls, *near, *hard, *soft, *streak;
} making;

static int read_learnt(const sight *its, PyObject *reading, learnt *found)
{
    int odd = 0;
    PyObject *const streaks = get(its->history, History_streaks);
    *found = (learnt){.kind = get(reading, Reading_kind),
                      .streak = Py_None,
                      .hard = real_of(get(reading, Reading_hard), &odd),
                      .soft = real_of(get(reading, Reading_soft), &odd),
                      .held_hard = real_of(get(its->history, History_hard), &odd),
                      .held_soft = real_of(get(its->history, History_soft), &odd),
                      .novel = truth_of(get(reading, Reading_novel), &odd),
                      .faint = truth_of(get(reading, Reading_faint), &odd),
                      .partly = truth_of(get(reading, Reading_partly), &odd),
                      .writes = truth_of(get(reading, Reading_writes), &odd),
                      .fresh = truth_of(get(reading, Reading_fresh), &odd),
                      .failed = truth_of(get(reading, Reading_failed), &odd),
                      .parallel = truth_of(get(reading, Reading_parallel), &odd),
                      .akin = truth_of(get(reading, Reading_akin), &odd),
                      .digests = {digest_of(get(reading, Reading_call), &odd),
                                  digest_of(get(reading, Reading_result), &odd)}};
    if (odd || !PyUnicode_CheckExact(found->kind) || (streaks != Py_None && !PyDict_CheckExact(streaks)))
        return 0;
    if (streaks != Py_None && has_text(found->kind)) {
        PyObject *const streak = PyDict_GetItemWithError(streaks, found->kind);
        found->streak = streak == NULL ? Py_None : streak;
    }
    return can_grow(found->streak, its) && PyLong_CheckExact(get(its->history, History_fresh)) &&
           PyLong_CheckExact(get(its->history, History_stale));
}

/* Give the ring of calls with this one at its end. */
static PyObject *calls_with(const window *past, const learnt *its)
{
    uint8_t made[CALL];
    const double hundredths = (past->now - (past->count ? past->base : past->now)) * 100.0;
    const uint32_t at = !(hundredths >= 1.0) ? 0 : hundredths >= NEWEST ? NEWEST : (uint32_t)hundredths;
    store64(made, its->digests[0]);
    store64(made + AT_ANSWER, its->digests[1]);
    for (int byte = 0; byte < 4; byte++)
        made[AT_TIME + byte] = (uint8_t)(at >> 8 * byte);
    made[AT_MARK] = (uint8_t)((its->failed ? FAILED : 0) | (its->writes ? WRITE : 0) | (its->fresh ? FRESH : 0));
    return with_end(past->calls, past->count >= limits[limit_calls] ? CALL : 0, (view){made, CALL});
}

static double least(double one_of, double other) { return other < one_of ? other : one_of; }
static double most(double one_of, double other) { return other > one_of ? other : one_of; }

/* What the two leaky buckets hold after the event (`_fill` and `_fade`). */
static void fill(const learnt *its, double *hard, double *soft)
{
    const double leak = its->digests[1] ? W(LEAK) : W(UNLOGGED_LEAK);
    *hard = its->held_hard;
    *soft = its->held_soft;
    if (its->novel) {
        *hard = *hard != 0.0 ? most(0.0, *hard - leak) : *hard;
        if (*soft != 0.0)
            *soft = its->digests[1] && !its->partly ? 0.0 : most(0.0, *soft - leak);
    } else if (has_text(its->kind)) {
        *hard = least(W(CAP), *hard + its->hard);
        *soft = most(*soft, least(its->faint ? W(FAINT_CAP) : W(CAP), *soft + its->soft));
    } else if (its->akin) {
        *soft = most(0.0, *soft - W(ITEM_LEAK));
    }
}

static int make_all(const sight *its, const window *past, const asked *call, const learnt *found, making *made)
{
    int odd = 0;
    double hard, soft;
    fill(found, &hard, &soft);
    *made = (making){0};
    made->calls = calls_with(past, found);
    made->near = found->parallel ? Py_NewRef(get(its->history, History_near))
                                 : near_with(bytes_in(get(its->history, History_near), &odd), call);
    made->hard = hard == 0.0 ? Py_NewRef(nought) : PyFloat_FromDouble(hard);
    made->soft = soft == 0.0 ? Py_NewRef(nought) : PyFloat_FromDouble(soft);
    return made->calls != NULL && made->near != NULL && made->hard != NULL && made->soft != NULL;
}

static void drop_all(making *made)
{
    Py_XDECREF(made->calls);
    Py_XDECREF(made->near);
    Py_XDECREF(made->hard);
    Py_XDECREF(made->soft);
}

/* Put a call into the step that is open, or open one. */
static int enter(const sight *its)
{
    PyObject *const step = get(its->event, Event_step), *const history = its->history;
    int odd = 0;
    if (step != Py_None) {
        const long long number = whole_of(step, &odd), open = whole_of(get(history, History_step), &odd);
        const long long calls = whole_of(get(history, History_step_calls), &odd);
        if (odd)
            return 0;
        if (number == open) {
            PyObject *const more = PyLong_FromLongLong(calls < limits[limit_calls] ? calls + 1 : limits[limit_calls]);
            if (more == NULL)
                return -1;
            put(history, History_step_calls, more);
            return 1;
        }
    }
    put_same(history, History_step, step == Py_None ? none_open : step);
    put_same(history, History_step_calls, one);
    return 1;
}

/* Forget repeated outputs after work that brought something new (said.py). */
static void put_aside(PyObject *spoken)
{
    int odd = 0;
    if (spoken == Py_None || (real_of(get(spoken, Spoken_stale), &odd) == 0.0 && get(spoken, Spoken_phrased) == Py_None))
        return;
    put_same(spoken, Spoken_stale, nought);
    put_same(spoken, Spoken_hard, nought);
    put_same(spoken, Spoken_streak, Py_None);
    put_same(spoken, Spoken_phrased, Py_None);
}

static int is_forgettable(PyObject *history)
{
    int odd = 0;
    PyObject *const spoken = is(history, History_) ? get(history, History_spoken) : NULL;
    return spoken == Py_None ||
           (spoken != NULL && is(spoken, Spoken_) && (real_of(get(spoken, Spoken_stale), &odd), !odd));
}

/* Whether what all speakers of the run said can be put aside; with `doing` it is. */
static int put_all_aside(const sight *its, int doing)
{
    PyObject *const others = get(its->run, RunState_others), *const own = get(its->run, RunState_own);
    PyObject *name, *history;
    Py_ssize_t at = 0;
    if (!doing && (!is_forgettable(own) || (others != Py_None && !PyDict_CheckExact(others))))
        return 0;
    if (doing)
        put_aside(get(own, History_spoken));
    while (others != Py_None && PyDict_Next(others, &at, &name, &history)) {
        if (doing)
            put_aside(get(history, History_spoken));
        else if (!is_forgettable(history))
            return 0;
    }
    return 1;
}

/* Count the event as something new or as evidence; -1 with an exception. */
static int count_it(const sight *its, const learnt *found)
{
    PyObject *const history = its->history;
    if (found->novel) {
        put_all_aside(its, 1);
        if (get(history, History_hard) == nought && get(history, History_soft) == nought)
            put_same(history, History_streaks, Py_None);
        return add(history, History_fresh, one);
    }
    if (!has_text(found->kind))
        return 0;
    if (get(history, History_streaks) == Py_None) {
        PyObject *const streaks = PyDict_New();
        if (streaks == NULL)
            return -1;
        put(history, History_streaks, streaks);
    }
    PyObject *const streak = grown(found->streak, its, found->digests, 2);
    const int failed = streak == NULL || PyDict_SetItem(get(history, History_streaks), found->kind, streak) < 0;
    Py_XDECREF(streak);
    return failed ? -1 : add(history, History_stale, one);
}

/* Take in what an akin call asked and got (reworded.py); -1 with an exception. */
static int meet_all(const sight *its, const asked *call)
{
    filter met;
    PyObject *familiar = get(its->history, History_familiar);
    if (familiar == Py_None) {
        if ((familiar = PyObject_CallNoArgs((PyObject *)types[Familiar_])) == NULL)
            return -1;
        put(its->history, History_familiar, familiar);
    }
    const view sketches[] = {call->arguments.sketch, call->result.sketch};
    for (int at = 0; at < 2; at++) {
        if (!sketches[at].size || (at == 1 && !is_klass(call, klass_content)))
            continue;
        open_filter(familiar, &met);
        set_bins(&met, sketches[at], at == 0 ? limits[limit_asked] : limits[limit_answer]);
        if (meet(&met) < 0)
            return -1;
    }
    return 0;
}

/* Whether all that a call changes is as C takes it. */
static int can_learn(const sight *its, const learnt *found, hearers *all)
{
    filter met;
    PyObject *const familiar = get(its->history, History_familiar);
    return (!found->novel || put_all_aside(its, 0)) && (!(found->novel || found->fresh) || find_hearers(its, all)) &&
           (!found->akin || familiar == Py_None || open_filter(familiar, &met));
}

static int write_call(const sight *its, PyObject *reading, const asked *call, const window *past, const learnt *found,
                      const hearers *all, const making *made)
{
    PyObject *const history = its->history;
    put_same(history, History_index, get(its->seen, Observation_index));
    if (its->spoken != Py_None)
        put_same(its->spoken, Spoken_acted, Py_True);
    if (!past->count)
        put_same(history, History_base, get(its->seen, Observation_now));
    put_same(history, History_calls, made->calls);
    put_same(history, History_near, made->near);
    put_same(history, History_hard, made->hard);
    put_same(history, History_soft, made->soft);
    if (get(reading, Reading_lag) != zero)
        put_same(history, History_lag, get(reading, Reading_lag));
    if (count_it(its, found) < 0 ||
        ((found->novel || found->fresh) && spread(its, all, limits[limit_news]) < 0))
        return -1;
    return found->akin ? meet_all(its, call) : 0;
}

/* Take in a call: 1, or 0 for the pure form, or -1. */
static int learn_call(const sight *its, PyObject *reading)
{
    asked call;
    window past;
    learnt found;
    hearers all = {0};
    making made;
    if (!read_learnt(its, reading, &found) || !read_asked(its, &call) || !read_window(its, &past) ||
        found.digests[0] != call.call || !can_learn(its, &found, &all))
        return 0;
    int done = make_all(its, &past, &call, &found, &made);
    if (done)
        done = enter(its);
    if (done > 0)
        done = write_call(its, reading, &call, &past, &found, &all, &made) < 0 ? -1 : 1;
    drop_all(&made);
    return done == 0 && PyErr_Occurred() ? -1 : done;
}

/* Take in an event that says nothing about content. */
static int learn_nothing(const sight *its)
{
    put_same(its->history, History_index, get(its->seen, Observation_index));
    return 1;
}

/* learn(seen, scope) */
FAST(learn)
{
    (void)module;
    sight its;
    int done = 0;
    if (!expects_two(count))
        return NULL;
    if (look(given[0], given[1], &its)) {
        PyObject *const reading = get(its.scope, Scope_reading);
        if (is(reading, Reading_)) {
            if (get(reading, Reading_call) != zero)
                done = learn_call(&its, reading);
            else if (get(reading, Reading_said) != Py_None)
                done = learn_chat(&its, reading);
            else
                done = learn_nothing(&its);
        }
    }
    if (done == 0)
        return PyErr_Occurred() ? NULL : ask_pure(pure_learn, given);
    return done < 0 ? NULL : Py_NewRef(Py_None);
}
