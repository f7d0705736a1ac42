/* A tool call and the window before it, as against.py and history.py have them. */
#include "call.h"

enum { MOST_ERROR = 4096 };

static int is_space(uint8_t byte) { return byte == ' ' || within(byte, '\t', '\r') || within(byte, 0x1C, 0x1F); }

/* Read what an error or an empty status alone tells of the answer; one that is long or not ASCII is for the pure form. */
static int read_error(const sight *its, asked *call)
{
    uint8_t plain[MOST_ERROR];
    int odd = 0, within_word = 0;
    PyObject *const error = get(its->event, Event_error);
    const view told = error == Py_None ? (view)NO_BYTES : text_in(error, &odd);
    size_t size = 0;
    if (odd || told.size > MOST_ERROR)
        return 0;
    for (size_t at = 0; at < told.size; at++) {
        const uint8_t byte = told.at[at];
        odd |= byte >= 0x80;
        call->words += !within_word && !is_space(byte);
        within_word = !is_space(byte);
        if (!is_digit(byte))
            plain[size++] = byte;
    }
    call->answer = xxh3_64(told);
    call->answer = call->answer ? call->answer : 1;
    call->result_shape = xxh3_64((view){plain, size});
    call->size = (long long)told.size;
    call->klass = klasses[is_word(its->status, word_empty) ? klass_empty : klass_error];
    return !odd;
}

int read_asked(const sight *its, asked *call)
{
    int odd = 0;
    PyObject *const error = get(its->event, Event_error);
    const int erred = has_text(error), bad = is_word(its->status, word_error) || is_word(its->status, word_denied);
    memset(call, 0, sizeof *call);
    call->arguments = text_of(get(its->prints, Prints_arguments), &odd);
    call->result = text_of(get(its->prints, Prints_result), &odd);
    call->logged = call->result.print != Py_None;
    if (odd || (error != Py_None && !PyUnicode_Check(error)))
        return 0;
    PyObject *const klass = call->logged ? get(call->result.print, Fingerprint_klass) : NULL;
    call->failed = bad || (its->status == Py_None && (erred || klass == klasses[klass_error]));
    call->empty = is_word(its->status, word_empty) || klass == klasses[klass_empty];
    call->has_answer = call->logged || erred || bad || is_word(its->status, word_empty);
    if (call->logged) {
        call->klass = klass;
        call->answer = call->result.masked ? call->result.masked : 1;
        call->result_shape = digest_of(get(call->result.print, Fingerprint_shape), &odd);
        call->words = call->result.words;
        call->size = whole_of(get(call->result.print, Fingerprint_size), &odd);
        call->numbers = get(call->result.print, Fingerprint_numbers);
    } else if (call->has_answer && !read_error(its, call)) {
        return 0;
    }
    call->tool = tool_digest(get(its->event, Event_tool), &odd);
    uint64_t exact = 0;
    if (call->arguments.print != Py_None) {
        exact = digest_of(get(call->arguments.print, Fingerprint_exact), &odd);
        call->arguments_shape = digest_of(get(call->arguments.print, Fingerprint_shape), &odd);
    }
    call->call = mixed(call->tool, exact);
    return !odd;
}

int read_window(const sight *its, window *past)
{
    int odd = 0, more;
    size_t at = 0;
    PyObject *const history = its->history;
    past->calls = bytes_in(get(history, History_calls), &odd);
    past->base = real_of(get(history, History_base), &odd);
    past->now = real_of(get(its->seen, Observation_now), &odd);
    past->familiar = get(history, History_familiar);
    past->nears = 0;
    const view ring = bytes_in(get(history, History_near), &odd);
    if (odd || past->calls.size % CALL)
        return 0;
    past->count = (long)(past->calls.size / CALL);
    while (past->nears < MOST_NEAR && (more = next_near(ring, &at, &past->near[past->nears])) > 0)
        past->nears++;
    return at == ring.size;
}

uint64_t call_at(const window *past, long place) { return load64(past->calls.at + place * CALL); }

uint64_t answer_at(const window *past, long place) { return load64(past->calls.at + place * CALL + AT_ANSWER); }

double time_at(const window *past, long place)
{
    return past->base + (double)load32(past->calls.at + place * CALL + AT_TIME) / 100.0;
}

long call_before(const window *past, uint64_t call, long place)
{
    for (long at = place - 1; at >= 0; at--)
        if (call_at(past, at) == call)
            return at;
    return -1;
}

long call_from(const window *past, uint64_t call, long place)
{
    for (long at = place; at < past->count; at++)
        if (call_at(past, at) == call)
            return at;
    return -1;
}

int has_mark_since(const window *past, long place, int mark)
{
    for (long at = place + 1; at < past->count; at++)
        if (past->calls.at[at * CALL + AT_MARK] & mark)
            return 1;
    return 0;
}

int had_answer(const window *past, uint64_t answer) { return has_digest(past->calls, CALL, AT_ANSWER, answer); }

int is_novel(const sight *its, const window *past, const asked *call)
{
    return call->logged && is_klass(call, klass_content) && !is_word(its->status, word_empty) &&
           !had_answer(past, call->answer);
}

int likeness(view one_sketch, view other)
{
    return one_sketch.size == BINS && other.size == BINS ? agreeing(one_sketch.at, other.at) : 0;
}

int says(int function, PyObject *given)
{
    PyObject *const found = PyObject_CallFunctionObjArgs(pure[function], given, NULL);
    const int whether = found == NULL ? -1 : PyObject_IsTrue(found);
    Py_XDECREF(found);
    return whether;
}
