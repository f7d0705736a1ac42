/* made_of.py: an answer unlike the latest others of its tool, or made of pieces not all met before. */
#include "familiar.h"

enum { PIECE = 2, MOST_PIECES = 256 }; /* PIECE: bytes of one */

static unsigned piece_at(view pieces, size_t at) { return (unsigned)pieces.at[at] << 8 | pieces.at[at + 1]; }

/* Whether they come as a client makes them: whole, not too many, each once, in order. */
static int is_in_order(view pieces)
{
    if (pieces.size % PIECE || pieces.size > MOST_PIECES * PIECE)
        return 0;
    for (size_t at = PIECE; at < pieces.size; at += PIECE)
        if (piece_at(pieces, at - PIECE) >= piece_at(pieces, at))
            return 0;
    return 1;
}

/* The share of pieces that two answers have in common, of all that either has; both are in order. */
static double shared_by(view first, view second)
{
    size_t one_at = 0, other_at = 0, common = 0;
    while (one_at < first.size && other_at < second.size) {
        const unsigned a = piece_at(first, one_at), b = piece_at(second, other_at);
        common += a == b;
        one_at += a <= b ? PIECE : 0;
        other_at += b <= a ? PIECE : 0;
    }
    const size_t all = (first.size + second.size) / PIECE - common;
    return all ? (double)common / (double)all : 0.0;
}

static int read_filter(PyObject *met, view pieces, filter *found)
{
    if (!open_filter(met, found))
        return 0;
    for (size_t at = 0; at < pieces.size; at += PIECE)
        set_bit(found, (uint32_t)piece_at(pieces, at));
    return 1;
}

/* Whether the answer brought something, -1 where it brought nothing, which is for the pure form, 0 where none can tell. */
static int brings(const sight *its, PyObject *reading, view pieces, view last, const filter *met, int *odd)
{
    view calls = bytes_in(get(its->history, History_calls), odd);
    calls.size -= calls.size >= CALL ? CALL : calls.size; /* the last is this call */
    const double shared = shared_by(pieces, last);
    if (has_digest(calls, CALL, AT_ANSWER, digest_of(get(reading, Reading_result), odd)) ||
        !(limits[limit_shared_percent] / 100.0 <= shared && shared < limits[limit_nearly_percent] / 100.0))
        return 0;
    return unmet_of(met, 1) <= limits[limit_hardly_percent] / 100.0 * (double)(pieces.size / PIECE) ? -1 : 1;
}

/* Take an answer in by its pieces: 1, or 0 for the pure form, or -1. */
static int take_pieces(const sight *its, PyObject *reading, PyObject *growth, PyObject *sent)
{
    int odd = 0;
    filter met;
    const view pieces = bytes_in(sent, &odd), last = bytes_in(get(growth, Growth_pieces), &odd);
    if (odd || !is_in_order(pieces) || !is_in_order(last) || !read_filter(get(growth, Growth_met), pieces, &met))
        return 0;
    const int brought = brings(its, reading, pieces, last, &met, &odd);
    const double stale = real_of(get(growth, Growth_stale), &odd);
    if (odd || brought < 0)
        return 0;
    const double left = stale > limits[limit_context_leak] ? stale - limits[limit_context_leak] : 0.0;
    PyObject *const kept = brought && left > 0.0 ? PyFloat_FromDouble(left) : Py_NewRef(nought);
    if (kept == NULL || meet(&met) < 0) {
        Py_XDECREF(kept);
        return -1;
    }
    put_same(growth, Growth_pieces, sent);
    if (brought) {
        put_same(growth, Growth_stale, kept);
        if (!(left > 0.0)) {
            put_same(growth, Growth_streak, Py_None);
            put_same(growth, Growth_base, get(growth, Growth_held));
        }
    }
    Py_DECREF(kept);
    return 1;
}

/* Take an answer without a sketch in: its producer may have sent what it is made of. */
static int learn_pieces(const sight *its, PyObject *reading, PyObject *result)
{
    int odd = 0;
    PyObject *const sent = get(result, Fingerprint_pieces), *const before = get(its->run, RunState_growth);
    const view pieces = bytes_in(sent, &odd);
    if (odd || (before != Py_None && !is(before, Growth_)))
        return 0;
    if (pieces.size < (size_t)limits[limit_context_pieces] * PIECE)
        return 1;
    PyObject *const growth =
        before == Py_None ? PyObject_CallNoArgs((PyObject *)types[Growth_]) : Py_NewRef(before);
    if (growth == NULL)
        return -1;
    const int done = take_pieces(its, reading, growth, sent);
    if (done == 1 && before == Py_None)
        put_same(its->run, RunState_growth, growth);
    Py_DECREF(growth);
    return done;
}

/* Tell whether an answer is like one of the latest others of its tool: 2 where there is none, -1 for the pure form. */
static int is_akin(const sight *its, const text *result)
{
    int odd = 0, more = 0, others = 0, most = 0;
    const view ring = bytes_in(get(its->history, History_near), &odd);
    const uint64_t tool = tool_digest(get(its->event, Event_tool), &odd);
    size_t at = 0;
    view near;
    while (!odd && (more = next_near(ring, &at, &near)) > 0 && at < ring.size) { /* the last of the ring is this call */
        if (load64(near.at + NEAR_TOOL) != tool)
            continue;
        const int found = most_agreeing(result->sketch, near_answer(near));
        others++;
        most = found > most ? found : most;
    }
    return odd || more < 0 ? -1 : !others ? 2 : most >= limits[limit_context_akin];
}

/* Take an answer in: 1, or 0 for the pure form, or -1. */
static int learn_answer(const sight *its, PyObject *reading)
{
    int odd = 0;
    const text result = text_of(get(its->prints, Prints_result), &odd);
    if (!odd && (result.print == Py_None || get(result.print, Fingerprint_klass) != klasses[klass_content] ||
                 result.words < limits[limit_context_words]))
        return 1;
    const int failed = truth_of(get(reading, Reading_failed), &odd);
    const view calls = bytes_in(get(its->history, History_calls), &odd);
    if (odd)
        return 0;
    if (failed)
        return 1;
    if (!result.sketch.size)
        return learn_pieces(its, reading, result.print);
    if (get(its->run, RunState_growth) != Py_None)
        return 0;
    if (calls.size < (size_t)limits[limit_context_calls] * CALL)
        return 1;
    const int akin = is_akin(its, &result);
    if (akin == 0)
        put_same(its->run, RunState_akin, zero);
    return akin == 0 || akin == 2;
}

/* Take in how large the context is, where that is of interest; as `learn_answer`. */
static int learn_size(const sight *its)
{
    PyObject *const growth = get(its->run, RunState_growth), *const tokens = get(its->event, Event_input_tokens);
    int odd = 0;
    if (growth == Py_None)
        return 1;
    if (!is(growth, Growth_) || is_word(its->op, word_compact))
        return 0;
    if (tokens == Py_None || whole_of(tokens, &odd) == 0)
        return !odd;
    const int keeps = real_of(get(growth, Growth_stale), &odd) != 0.0 && whole_of(get(growth, Growth_base), &odd) != 0;
    if (odd)
        return 0;
    put_same(growth, Growth_held, tokens);
    if (!keeps)
        put_same(growth, Growth_base, tokens);
    return 1;
}

/* learn_context(seen, scope) */
FAST(learn_context)
{
    (void)module;
    sight its;
    int done = 0;
    if (!expects_two(count))
        return NULL;
    PyObject *const reading = is(given[1], Scope_) ? get(given[1], Scope_reading) : Py_None;
    if (is(reading, Reading_) && look(given[0], given[1], &its) && !its.human)
        done = is_word(its.op, word_execute_tool) ? learn_answer(&its, reading) : learn_size(&its);
    if (done == 0)
        return PyErr_Occurred() ? NULL : ask_pure(pure_learn_context, given);
    return done < 0 ? NULL : Py_NewRef(Py_None);
}
