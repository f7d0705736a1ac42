/* cycle.py: a step that was not made lately. */
#include "slots.h"

enum { SYMBOL = 6 }; /* bytes that are kept of a step's symbol */

/* Give the symbol of a call or an output, 0 for none; `odd` where the pure form must tell. */
static uint64_t symbol_of(const sight *its, PyObject *reading, int *odd)
{
    if (get(reading, Reading_call) != zero) {
        const text arguments = text_of(get(its->prints, Prints_arguments), odd);
        const text result = text_of(get(its->prints, Prints_result), odd);
        if (*odd || truth_of(get(reading, Reading_poll), odd) || result.print == Py_None) {
            *odd = 1; /* a poll, or an answer that only a status tells */
            return 0;
        }
        PyObject *const klass = get(result.print, Fingerprint_klass);
        const int content = klass == klasses[klass_content], told = content || klass == klasses[klass_error];
        uint64_t call = digest_of(get(reading, Reading_call), odd);
        if (arguments.print != Py_None && content && result.words >= limits[limit_step_words])
            call = mixed(tool_digest(get(its->event, Event_tool), odd),
                         digest_of(get(arguments.print, Fingerprint_shape), odd));
        return (mixed(call, digest_of(get(reading, Reading_result), odd)) & ~UINT64_C(1)) | (uint64_t)told;
    }
    PyObject *const said = get(reading, Reading_said);
    if (said == Py_None)
        return 0;
    const text told = text_of(get(its->prints, Prints_input), odd);
    text output = text_of(get(its->prints, Prints_output), odd);
    if (output.print == Py_None && is_word(its->op, word_message))
        output = told;
    if (output.print == Py_None || !output.words)
        return 0;
    if (!is(said, Said_) || get(its->root, RootState_told) != Py_None) {
        *odd = 1;
        return 0;
    }
    const uint64_t heard = truth_of(get(said, Said_heard), odd) ? digest_of(get(its->run, RunState_news), odd)
                           : told.print == Py_None              ? 0
                                                                : told.masked;
    return (mixed(output.masked, heard) & ~UINT64_C(1)) | (uint64_t)(output.words >= limits[limit_said_words]);
}

static int is_in(view ring, const uint8_t *symbol)
{
    for (size_t at = 0; at + SYMBOL <= ring.size; at++) /* at any place, as bytes are found in bytes */
        if (ring.at[at] == symbol[0] && memcmp(ring.at + at, symbol, SYMBOL) == 0)
            return 1;
    return 0;
}

/* Put a step at the end of those that were made; 0 where it was made before, which is for the pure form. */
static int append(PyObject *laps, uint64_t step, PyObject **made)
{
    int odd = 0;
    uint8_t symbol[8];
    const view ring = bytes_in(get(laps, Laps_symbols), &odd);
    store64(symbol, step);
    if (odd || get(laps, Laps_best) != zero || bytes_in(get(laps, Laps_aside), &odd).size || odd || is_in(ring, symbol))
        return 0;
    *made = with_end(ring, ring.size >= (size_t)limits[limit_symbols] * SYMBOL ? SYMBOL : 0, (view){symbol, SYMBOL});
    return *made != NULL ? 1 : PyErr_Occurred() ? -1 : 0;
}

static PyObject *laps_of(PyObject *history)
{
    PyObject *const laps = get(history, History_cycle);
    return laps == Py_None ? PyObject_CallNoArgs((PyObject *)types[Laps_]) : Py_NewRef(laps);
}

/* Take a step without a number in: 1, or 0 for the pure form, or -1. */
static int take_step(const sight *its, PyObject *laps, uint64_t symbol)
{
    int odd = 0;
    PyObject *const open = get(laps, Laps_step);
    if (!is(open, OpenStep_))
        return 0;
    const int tool = is_word(its->op, word_execute_tool);
    const uint64_t waiting = digest_of(get(open, OpenStep_chat), &odd), closed = tool ? symbol : waiting;
    PyObject *const members = get(open, OpenStep_members);
    if (whole_of(get(open, OpenStep_number), &odd) >= 0 || odd || !PyTuple_CheckExact(members) || PyTuple_Size(members))
        return 0;
    PyObject *symbols = NULL;
    const int appended = closed ? append(laps, closed, &symbols) : 1;
    PyObject *const chat = tool || appended != 1 ? Py_NewRef(zero) : PyLong_FromUnsignedLongLong(symbol);
    if (appended == 1 && chat != NULL) {
        if (symbols != NULL) {
            put(laps, Laps_symbols, Py_NewRef(symbols));
            if (bytes_in(get(laps, Laps_runs), &odd).size) {
                put(laps, Laps_runs, PyBytes_FromStringAndSize("", 0));
                put_same(laps, Laps_streak, Py_None);
            }
        }
        put_same(open, OpenStep_chat, chat);
        if (!tool) {
            put_same(open, OpenStep_number, none_open);
            put_same(open, OpenStep_at, get(its->seen, Observation_now));
        }
    }
    Py_XDECREF(symbols);
    Py_XDECREF(chat);
    return chat == NULL ? -1 : appended;
}

/* learn_cycle(seen, scope) */
FAST(learn_cycle)
{
    (void)module;
    sight its;
    int odd = 0, done = 0;
    if (!expects_two(count))
        return NULL;
    PyObject *const reading = is(given[1], Scope_) ? get(given[1], Scope_reading) : Py_None;
    if (is(reading, Reading_) && look(given[0], given[1], &its) && get(its.event, Event_step) == Py_None) {
        const uint64_t symbol = symbol_of(&its, reading, &odd);
        PyObject *const laps = get(its.history, History_cycle);
        if (!odd && !symbol && laps == Py_None)
            return Py_NewRef(Py_None);
        if (!odd && symbol && (laps == Py_None || is(laps, Laps_))) {
            PyObject *const kept = laps_of(its.history);
            done = kept == NULL ? -1 : take_step(&its, kept, symbol);
            if (done == 1 && laps == Py_None)
                put_same(its.history, History_cycle, kept);
            Py_XDECREF(kept);
        }
    }
    if (done == 0)
        return PyErr_Occurred() ? NULL : ask_pure(pure_learn_cycle, given);
    return done < 0 ? NULL : Py_NewRef(Py_None);
}
