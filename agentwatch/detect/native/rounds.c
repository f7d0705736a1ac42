/* cycle.py: steps that are gone through again and again. */
#include "laps.h"
#include "steps.h"

/* Whether an answer says something: it is content or an error. Where the log holds none, the event's status tells. */
static int is_telling(const sight *its, const text *result)
{
    PyObject *const klass = result->print == Py_None ? Py_None : get(result->print, Fingerprint_klass);
    if (klass != Py_None)
        return klass == klasses[klass_content] || klass == klasses[klass_error];
    return !is_word(its->status, word_empty) && (is_word(its->status, word_error) || is_word(its->status, word_denied) ||
                                                 has_text(get(its->event, Event_error)));
}

static uint64_t symbol_of_call(const sight *its, PyObject *reading, int *odd)
{
    const text arguments = text_of(get(its->prints, Prints_arguments), odd);
    const text result = text_of(get(its->prints, Prints_result), odd);
    if (*odd || truth_of(get(reading, Reading_poll), odd))
        return 0;
    uint64_t call = digest_of(get(reading, Reading_call), odd);
    if (arguments.print != Py_None && result.print != Py_None && result.words >= limits[limit_step_words] &&
        get(result.print, Fingerprint_klass) == klasses[klass_content])
        call = mixed(tool_digest(get(its->event, Event_tool), odd),
                     digest_of(get(arguments.print, Fingerprint_shape), odd));
    const uint64_t symbol = mixed(call, digest_of(get(reading, Reading_result), odd)) & ~UINT64_C(1);
    return symbol | (uint64_t)is_telling(its, &result);
}

/* Give the symbol of a call or an output, 0 for none; `odd` where the pure form must tell. */
static uint64_t symbol_of(const sight *its, PyObject *reading, int *odd)
{
    if (get(reading, Reading_call) != zero)
        return symbol_of_call(its, reading, odd);
    PyObject *const said = get(reading, Reading_said);
    if (said == Py_None)
        return 0;
    const text told = text_of(get(its->prints, Prints_input), odd);
    text output = text_of(get(its->prints, Prints_output), odd);
    if (output.print == Py_None && is_word(its->op, word_message))
        output = told;
    if (output.print == Py_None || !output.words)
        return 0;
    if (!is(said, Said_)) {
        *odd = 1;
        return 0;
    }
    const uint64_t heard = truth_of(get(said, Said_heard), odd) ? (uint64_t)heard_of(its, odd)
                           : told.print == Py_None              ? 0
                                                                : told.masked;
    return (mixed(output.masked, heard) & ~UINT64_C(1)) | (uint64_t)(output.words >= limits[limit_said_words]);
}

/* Take the steps in that an event closed: 1, or 0 for the pure form, or -1. */
static int take_steps(const sight *its, PyObject *laps, uint64_t symbol)
{
    entering made;
    rounds held;
    const int numbered = get(its->event, Event_step) != Py_None;
    if (!is(get(laps, Laps_step), OpenStep_) || !enter_step(its, get(laps, Laps_step), symbol, &made))
        return 0;
    if (made.count && (!read_rounds(laps, &held) || !can_grow(get(laps, Laps_streak), its) || !can_grow(Py_None, its)))
        return 0;
    for (int at = 0; at < made.count; at++) {
        const uint64_t step = made.closed[at] | (uint64_t)numbered;
        take_round_step(&held, step);
        if (held.ends)
            put_same(laps, Laps_streak, Py_None);
        if (held.best && held.runs[held.best] && !held.waiting && grow(laps, Laps_streak, its, &step, 1) < 0)
            return -1;
    }
    if ((made.count && write_rounds(laps, &held) < 0) || write_step(its, &made) < 0)
        return -1;
    return 1;
}

/* What is known of an event's step; 0 where it is no event for C. */
static int read_step(PyObject *seen, PyObject *scope, sight *its, uint64_t *symbol)
{
    int odd = 0;
    PyObject *const reading = is(scope, Scope_) ? get(scope, Scope_reading) : Py_None;
    if (!is(reading, Reading_) || !look(seen, scope, its))
        return 0;
    *symbol = symbol_of(its, reading, &odd);
    return !odd;
}

int is_no_round(PyObject *seen, PyObject *scope, PyObject *options)
{
    sight its;
    uint64_t symbol;
    entering made;
    rounds held;
    int odd = 0;
    PyObject *const laps = is(scope, Scope_) && is(get(scope, Scope_history), History_)
                               ? get(get(scope, Scope_history), History_cycle)
                               : NULL;
    if (laps == NULL || laps == Py_None || !is(laps, Laps_))
        return laps == Py_None;
    if (get(laps, Laps_best) == zero)
        return 1;
    if (!is(options, CycleOptions_) || !read_step(seen, scope, &its, &symbol))
        return 0;
    if (!symbol)
        return 1;
    if (!is(get(laps, Laps_step), OpenStep_) || !enter_step(&its, get(laps, Laps_step), symbol, &made) ||
        !read_rounds(laps, &held) || !held.best)
        return 0;
    const uint64_t numbered = get(its.event, Event_step) != Py_None;
    for (int at = 0; at < made.count; at++)
        if (!is_back(&held, held.best, made.closed[at] | numbered))
            return 1;
    const long long run = held.runs[held.best] + made.count, lag = held.best;
    const long long steps = whole_of(get(options, CycleOptions_warn_steps), &odd);
    const long long times = whole_of(get(options, CycleOptions_warn_rounds), &odd);
    return !odd && (!made.count || run + lag < steps || run < (times - 1) * lag);
}

/* learn_cycle(seen, scope) */
FAST(learn_cycle)
{
    (void)module;
    sight its;
    uint64_t symbol;
    int done = 0;
    if (!expects_two(count))
        return NULL;
    if (read_step(given[0], given[1], &its, &symbol)) {
        PyObject *const laps = get(its.history, History_cycle);
        if (!symbol && (laps == Py_None || get(get(given[1], Scope_reading), Reading_poll) == Py_False))
            return Py_NewRef(Py_None);
        if (symbol && (laps == Py_None || is(laps, Laps_))) {
            PyObject *const kept =
                laps == Py_None ? PyObject_CallNoArgs((PyObject *)types[Laps_]) : Py_NewRef(laps);
            done = kept == NULL ? -1 : take_steps(&its, kept, symbol);
            if (done == 1 && laps == Py_None)
                put_same(its.history, History_cycle, kept);
            Py_XDECREF(kept);
        }
    }
    if (done == 0)
        return PyErr_Occurred() ? NULL : ask_pure(pure_learn_cycle, given);
    return done < 0 ? NULL : Py_NewRef(Py_None);
}
