/* calls.py: whether a tool call brings anything new, compared with the same call before, else with the latest alike. */
#include "call.h"

/* Whether it is a duplicate within one step: by its number, else by coming at the same moment from one output. */
static int is_parallel(const sight *its, const window *past, long place, int *odd)
{
    PyObject *const step = get(its->event, Event_step);
    if (step != Py_None)
        return whole_of(step, odd) == whole_of(get(its->history, History_step), odd) &&
               place >= past->count - whole_of(get(its->history, History_step_calls), odd);
    return its->spoken != Py_None && truth_of(get(its->spoken, Spoken_acted), odd) &&
           past->now - time_at(past, place) < weights[weight_calls_SAME_MOMENT_S];
}

/* Read a call that was made before; -1 with an exception. */
static int read_known(const sight *its, const window *past, const asked *call, long place, finding *found, int *odd)
{
    found->parallel = is_parallel(its, past, place, odd);
    if (found->parallel || *odd)
        return 0;
    if (read_again(its, past, call, place, found, odd) < 0)
        return -1;
    if (call->has_answer && found->kind < 0 && !call->failed && call->answer == answer_at(past, place))
        read_out_of_turn(past, call, place, (long)whole_of(get(its->history, History_lag), odd), found);
    else if (found->kind < 0)
        return read_reworded(its, past, call, found, odd);
    return 0;
}

/* Read a call that was not made before; -1 with an exception. */
static int read_new(const sight *its, const window *past, const asked *call, finding *found, int *odd)
{
    if (read_variant(its, past, call, found) < 0 ||
        (found->kind < 0 && read_reworded(its, past, call, found, odd) < 0))
        return -1;
    found->fresh = found->kind < 0 && !call->failed;
    found->writes = found->fresh && call->has_answer && is_klass(call, klass_ack);
    if (found->fresh && call->has_answer && is_klass(call, klass_empty)) {
        const int looks = says(pure_looks_up, its->event);
        found->writes = looks == 0;
        return looks < 0 ? -1 : 0;
    }
    return 0;
}

/* Read it into `found`; -1 with an exception. */
static int read_call(const sight *its, const window *past, const asked *call, finding *found, int *odd)
{
    if (call->arguments.print == Py_None && !call->has_answer)
        return 0;
    const long place = call_before(past, call->call, past->count);
    if ((place >= 0 ? read_known(its, past, call, place, found, odd) : read_new(its, past, call, found, odd)) < 0)
        return -1;
    if (found->parallel)
        return 0;
    if (call->failed || !call->has_answer)
        found->novel = !call->has_answer && place < 0;
    else if (found->kind < 0)
        found->novel = !found->stale && is_novel(its, past, call);
    return 0;
}

/* Put a value that is given away into a field; 0 where there is none. */
static int put_made(PyObject *owner, int field, PyObject *value)
{
    if (value == NULL)
        return 0;
    put(owner, field, value);
    return 1;
}

static PyObject *as_tuple(const finding *found)
{
    PyObject *const made = PyTuple_New(found->against_count);
    for (int at = 0; made != NULL && at < found->against_count; at++)
        PyTuple_SetItem(made, at, Py_NewRef(phrases[found->against[at]]));
    return made;
}

/* Write what differs from a reading of nothing; 0 with an exception. */
static int write_found(PyObject *reading, const asked *call, const finding *found)
{
    const struct {
        int field, is;
    } marks[] = {{Reading_novel, found->novel},   {Reading_parallel, found->parallel}, {Reading_poll, found->poll},
                 {Reading_faint, found->faint},   {Reading_failed, call->failed},      {Reading_empty, call->empty},
                 {Reading_writes, found->writes}, {Reading_fresh, found->fresh},       {Reading_akin, found->akin},
                 {Reading_stale, found->stale},   {Reading_partly, found->partly}};
    for (size_t at = 0; at < sizeof marks / sizeof *marks; at++)
        if (marks[at].is)
            put_same(reading, marks[at].field, Py_True);
    if (found->kind >= 0) {
        put_same(reading, Reading_kind, phrases[found->kind]);
        put_same(reading, Reading_words, phrases[found->words]);
    }
    return (found->hard == 0.0 || put_made(reading, Reading_hard, PyFloat_FromDouble(found->hard))) &&
           (found->soft == 0.0 || put_made(reading, Reading_soft, PyFloat_FromDouble(found->soft))) &&
           (found->apart == 1 || put_made(reading, Reading_apart, PyLong_FromLong(found->apart))) &&
           (found->lag == 0 || put_made(reading, Reading_lag, PyLong_FromLong(found->lag))) &&
           (found->against_count == 0 || put_made(reading, Reading_against, as_tuple(found))) &&
           put_made(reading, Reading_call, PyLong_FromUnsignedLongLong(call->call)) &&
           (!call->has_answer || put_made(reading, Reading_result, PyLong_FromUnsignedLongLong(call->answer)));
}

/* Give a new reading of a call; NULL, without an exception for the pure form. */
static PyObject *reading_of(const sight *its)
{
    int odd = 0;
    asked call;
    window past;
    finding found = {.kind = -1, .words = -1, .apart = 1};
    if (!read_asked(its, &call) || !read_window(its, &past))
        return NULL;
    if (read_call(its, &past, &call, &found, &odd) < 0 || odd)
        return NULL;
    PyObject *const reading = PyObject_CallNoArgs((PyObject *)types[Reading_]);
    if (reading != NULL && !write_found(reading, &call, &found)) {
        Py_DECREF(reading);
        return NULL;
    }
    return reading;
}

/* read(seen, scope) */
FAST(read)
{
    (void)module;
    sight its;
    PyObject *reading = NULL;
    if (!expects_two(count))
        return NULL;
    if (look(given[0], given[1], &its) && !is_word(its.status, word_held) && !is_word(its.status, word_rate_limited)) {
        if (is_word(its.op, word_execute_tool))
            reading = reading_of(&its);
        else if (is_word(its.op, word_chat) || is_word(its.op, word_message))
            reading = read_chat(&its);
        else
            reading = Py_NewRef(pure[pure_nothing]);
    }
    if (reading == NULL)
        return PyErr_Occurred() ? NULL : ask_pure(pure_read, given);
    put(its.scope, Scope_reading, reading);
    return Py_NewRef(Py_None);
}
