/* calls.py and evidence.py: a tool call that was never made before, is like none of the latest, and did not fail. */
#include "slots.h"

#define NEWEST 0xFFFFFFFFu

typedef struct {
    text arguments, result;
    PyObject *klass;
    uint64_t tool, call, answer; /* digests; that of an answer is never 0 */
    int empty;
} asked;

/* Read the texts of a call; 0 where it is no ordinary one. */
static int read_asked(const sight *its, asked *call)
{
    int odd = 0;
    PyObject *const error = get(its->event, Event_error);
    call->arguments = text_of(get(its->prints, Prints_arguments), &odd);
    call->result = text_of(get(its->prints, Prints_result), &odd);
    if (odd || call->arguments.print == Py_None || call->result.print == Py_None)
        return 0;
    call->klass = get(call->result.print, Fingerprint_klass);
    if (is_word(its->status, word_error) || is_word(its->status, word_denied) ||
        (its->status == Py_None && (call->klass == klasses[klass_error] || has_text(error))))
        return 0; /* it failed */
    call->empty = is_word(its->status, word_empty) || call->klass == klasses[klass_empty];
    call->tool = tool_digest(get(its->event, Event_tool), &odd);
    call->call = mixed(call->tool, digest_of(get(call->arguments.print, Fingerprint_exact), &odd));
    call->answer = call->result.masked ? call->result.masked : 1;
    return !odd;
}

static int is_brief(PyObject *klass)
{
    return klass == klasses[klass_ack] || klass == klasses[klass_bare] || klass == klasses[klass_pending];
}

/* Whether it is like none of the latest distinct calls (variants.py and reworded.py): -1 where the ring is none. */
static int is_unlike(const asked *call, view ring)
{
    size_t at = 0;
    view near;
    int more;
    const int content = call->klass == klasses[klass_content];
    const int brief = is_brief(call->klass) && !call->empty;
    const int answers = content && call->result.words > limits[limit_brief_words];
    const int compares = call->result.words >= limits[limit_answer_words] && call->result.sketch.size;
    while ((more = next_near(ring, &at, &near)) > 0) {
        const int failed = near.at[NEAR_MARKS] & NEAR_FAILED, tool = load64(near.at + NEAR_TOOL) == call->tool;
        const int same = load64(near.at + NEAR_RESULT) == call->answer;
        if (same && !brief)
            return 0; /* it may be a variant */
        if (tool && same && !answers)
            return 0; /* it may be acknowledged again */
        if (tool && !failed && answers && compares && load64(near.at + NEAR_RESULT) &&
            most_agreeing(call->result.sketch, near_answer(near)) >= limits[limit_akin_answers])
            return 0;
    }
    return more < 0 ? -1 : 1;
}

/* Give a new reading of a call that is new in every respect; NULL without an exception for the pure form. */
static PyObject *read_new_call(const sight *its)
{
    int odd = 0;
    asked call;
    if (!read_asked(its, &call))
        return NULL;
    const view calls = bytes_in(get(its->history, History_calls), &odd);
    const view near = bytes_in(get(its->history, History_near), &odd);
    if (odd || has_digest(calls, CALL, 0, call.call) || is_unlike(&call, near) != 1)
        return NULL;
    if (call.klass == klasses[klass_empty])
        return NULL; /* whether silence is a change that worked, the tool's name tells */
    const int novel = call.klass == klasses[klass_content] && !is_word(its->status, word_empty) &&
                      !has_digest(calls, CALL, AT_ANSWER, call.answer);
    PyObject *const digest = PyLong_FromUnsignedLongLong(call.call);
    PyObject *const answer =
        call.result.masked ? Py_NewRef(get(call.result.print, Fingerprint_masked)) : Py_NewRef(one);
    PyObject *const reading = digest == NULL ? NULL : PyObject_CallNoArgs((PyObject *)types[Reading_]);
    if (reading == NULL) {
        Py_XDECREF(digest);
        Py_DECREF(answer);
        return NULL;
    }
    put(reading, Reading_call, digest);
    put(reading, Reading_result, answer);
    put_same(reading, Reading_empty, truth(call.empty));
    put_same(reading, Reading_fresh, Py_True);
    put_same(reading, Reading_writes, truth(call.klass == klasses[klass_ack]));
    put_same(reading, Reading_novel, truth(novel));
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
            reading = read_new_call(&its);
        else if (is_word(its.op, word_chat) || is_word(its.op, word_message))
            reading = read_chat(&its);
    }
    if (reading == NULL)
        return PyErr_Occurred() ? NULL : ask_pure(pure_read, given);
    put(its.scope, Scope_reading, reading);
    return Py_NewRef(Py_None);
}

/* Pack numbers as near.py does: in four bytes each where all are whole and small, else in eight; 0 where one is odd. */
static int pack_numbers(PyObject *numbers, uint8_t *out, size_t *size, int *small)
{
    double kept[MOST_NUMBERS];
    int odd = !PyTuple_CheckExact(numbers);
    const Py_ssize_t given = odd ? 0 : PyTuple_Size(numbers);
    const Py_ssize_t count = given < limits[limit_numbers] ? given : limits[limit_numbers];
    *small = count > 0;
    for (Py_ssize_t at = 0; at < count; at++) {
        kept[at] = real_of(PyTuple_GetItem(numbers, at), &odd);
        *small &= kept[at] >= -2147483648.0 && kept[at] < 2147483648.0 && kept[at] == (double)(int64_t)kept[at];
    }
    for (Py_ssize_t at = 0; at < count; at++) {
        uint64_t bits;
        memcpy(&bits, &kept[at], sizeof bits);
        if (*small)
            bits = (uint32_t)(int32_t)kept[at];
        for (size_t byte = 0; byte < (*small ? 4u : 8u); byte++)
            out[(*size)++] = (uint8_t)(bits >> 8 * byte);
    }
    return !odd;
}

/* Give the ring of the latest distinct calls with this one at its end; NULL without an exception for the pure form. */
static PyObject *near_with(view ring, const asked *call, long most)
{
    uint8_t made[256];
    size_t size = NEAR_HEAD, at = 0, first = 0;
    long entries = 0;
    int small, more, odd = 0;
    view near;
    while ((more = next_near(ring, &at, &near)) > 0) {
        if (load64(near.at + NEAR_CALL) == call->call)
            return NULL; /* its numbers may have moved */
        first = entries++ ? first : near.size;
    }
    store64(made + NEAR_TOOL, call->tool);
    store64(made + NEAR_CALL, call->call);
    store64(made + 17, digest_of(get(call->arguments.print, Fingerprint_shape), &odd));
    store64(made + NEAR_RESULT, call->answer);
    store64(made + 33, digest_of(get(call->result.print, Fingerprint_shape), &odd));
    memcpy(made + size, call->arguments.sketch.at, call->arguments.sketch.size);
    size += call->arguments.sketch.size;
    memcpy(made + size, call->result.sketch.at, call->result.sketch.size);
    size += call->result.sketch.size;
    if (more < 0 || odd || !pack_numbers(get(call->result.print, Fingerprint_numbers), made, &size, &small))
        return NULL;
    made[0] = (uint8_t)size;
    made[NEAR_MARKS] = (uint8_t)((call->arguments.sketch.size ? NEAR_ARGUMENTS : 0) |
                                 (call->result.sketch.size ? NEAR_ANSWER : 0) | (small ? NEAR_SMALL : 0));
    made[NEAR_MARKS + 1] = 1;
    return with_end(ring, entries >= most ? first : 0, (view){made, size});
}

/* Give the ring of calls with this one at its end. */
static PyObject *calls_with(view ring, const asked *call, double since_s, int mark)
{
    uint8_t made[CALL];
    const double hundredths = since_s * 100.0;
    const uint32_t at = !(hundredths >= 1.0) ? 0 : hundredths >= NEWEST ? NEWEST : (uint32_t)hundredths;
    store64(made, call->call);
    store64(made + AT_ANSWER, call->answer);
    for (int byte = 0; byte < 4; byte++)
        made[AT_TIME + byte] = (uint8_t)(at >> 8 * byte);
    made[AT_MARK] = (uint8_t)mark;
    return with_end(ring, ring.size >= (size_t)limits[limit_calls] * CALL ? CALL : 0, (view){made, CALL});
}

/* Whether nothing of what the run holds against itself is changed by something new. */
static int is_clean(const sight *its, int *odd)
{
    PyObject *const spoken = its->spoken;
    return real_of(get(its->history, History_hard), odd) == 0.0 &&
           real_of(get(its->history, History_soft), odd) == 0.0 && get(its->history, History_streaks) == Py_None &&
           get(its->run, RunState_others) == Py_None &&
           (spoken == Py_None ||
            (real_of(get(spoken, Spoken_stale), odd) == 0.0 && get(spoken, Spoken_phrased) == Py_None));
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

/* Take in a call that brought something new or says nothing: 1, or 0 for the pure form, or -1. */
static int learn_call(const sight *its, PyObject *reading)
{
    asked call;
    int odd = 0;
    const int novel = truth_of(get(reading, Reading_novel), &odd), fresh = truth_of(get(reading, Reading_fresh), &odd);
    const int writes = truth_of(get(reading, Reading_writes), &odd);
    const int other = truth_of(get(reading, Reading_failed), &odd) | truth_of(get(reading, Reading_parallel), &odd) |
                      truth_of(get(reading, Reading_akin), &odd);
    if (odd || other || !fresh || has_text(get(reading, Reading_kind)) || get(reading, Reading_lag) != zero ||
        !is_alone(its, &odd) || (novel && !is_clean(its, &odd)) || !read_asked(its, &call) || odd)
        return 0;
    PyObject *const now = get(its->seen, Observation_now), *const history = its->history;
    const view calls = bytes_in(get(history, History_calls), &odd), ring = bytes_in(get(history, History_near), &odd);
    const double base = calls.size ? real_of(get(history, History_base), &odd) : real_of(now, &odd);
    const double since_s = real_of(now, &odd) - base;
    if (odd || digest_of(get(reading, Reading_call), &odd) != call.call)
        return 0;
    PyObject *const near = near_with(ring, &call, limits[limit_near]);
    PyObject *const pushed = near == NULL ? NULL : calls_with(calls, &call, since_s, (writes ? WRITE : 0) | FRESH);
    PyObject *const piece = pushed == NULL ? NULL : PyLong_FromLong(limits[limit_news]);
    const int entered = piece == NULL ? -1 : enter(its);
    if (entered <= 0) {
        Py_XDECREF(near);
        Py_XDECREF(pushed);
        Py_XDECREF(piece);
        return PyErr_Occurred() ? -1 : 0;
    }
    put_same(history, History_index, get(its->seen, Observation_index));
    if (its->spoken != Py_None)
        put_same(its->spoken, Spoken_acted, Py_True);
    if (!calls.size)
        put_same(history, History_base, now);
    put(history, History_calls, pushed);
    put(history, History_near, near);
    const int failed = (novel && add(history, History_fresh, one) < 0) || add(its->run, RunState_news, piece) < 0;
    Py_DECREF(piece);
    return failed ? -1 : 1;
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
        }
    }
    if (done == 0)
        return PyErr_Occurred() ? NULL : ask_pure(pure_learn, given);
    return done < 0 ? NULL : Py_NewRef(Py_None);
}
