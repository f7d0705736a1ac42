/* Where the fields of the records and of the state lie in memory, and how they are read and written.
 *
 * A field of a msgspec struct is one reference at a fixed place in its object. Asking for it by name takes some 25 ns in
 * the stable ABI, and an event of the detectors asks for a hundred and more; `bind` (kernel.c) is told their places once.
 * Nothing here is kept from call to call but types, places and functions.
 */
#ifndef AGENTWATCH_SLOTS_H
#define AGENTWATCH_SLOTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "bytes.h"

#define CLASSES(CLASS)                                                                                                 \
    CLASS(Event) CLASS(Observation) CLASS(Prints) CLASS(Fingerprint) CLASS(Scope) CLASS(RunState) CLASS(RootState)     \
    CLASS(AgentState) CLASS(AppState) CLASS(DayTotals) CLASS(History) CLASS(Spoken) CLASS(Laps) CLASS(OpenStep)        \
    CLASS(Reading) CLASS(Said) CLASS(Seldom) CLASS(Hitters) CLASS(Pace) CLASS(Manner) CLASS(RateOptions)               \
    CLASS(CohortOptions) CLASS(Growth) CLASS(Familiar)

#define FIELDS(FIELD)                                                                                                  \
    FIELD(Event, op) FIELD(Event, status) FIELD(Event, trigger) FIELD(Event, epoch) FIELD(Event, handles)              \
    FIELD(Event, model) FIELD(Event, task) FIELD(Event, team) FIELD(Event, user) FIELD(Event, step)                    \
    FIELD(Event, input_tokens) FIELD(Event, output_tokens) FIELD(Event, tool) FIELD(Event, error)                      \
    FIELD(Event, to_agent) FIELD(Event, tenant) FIELD(Event, app) FIELD(Event, agent) FIELD(Event, run)                \
    FIELD(Event, root_run) FIELD(Event, ts) FIELD(Event, id) FIELD(Event, output) FIELD(Event, fp)                     \
    FIELD(Event, documents) FIELD(Event, interval_s)                                                                   \
    FIELD(Observation, index) FIELD(Observation, now) FIELD(Observation, event) FIELD(Observation, prints)             \
    FIELD(Observation, cost_nusd) FIELD(Observation, own_effect)                                                       \
    FIELD(Prints, input) FIELD(Prints, output) FIELD(Prints, arguments) FIELD(Prints, result)                          \
    FIELD(Fingerprint, exact) FIELD(Fingerprint, masked) FIELD(Fingerprint, shape) FIELD(Fingerprint, size)            \
    FIELD(Fingerprint, words) FIELD(Fingerprint, klass) FIELD(Fingerprint, sketch) FIELD(Fingerprint, numbers)         \
    FIELD(Fingerprint, pieces)                                                                                         \
    FIELD(Scope, app) FIELD(Scope, agent) FIELD(Scope, root) FIELD(Scope, run) FIELD(Scope, history)                   \
    FIELD(Scope, reading) FIELD(Scope, duplicate) FIELD(Scope, opened)                                                 \
    FIELD(RunState, parent) FIELD(RunState, events) FIELD(RunState, last) FIELD(RunState, last_index)                  \
    FIELD(RunState, ended) FIELD(RunState, epoch) FIELD(RunState, epoch_at) FIELD(RunState, model)                     \
    FIELD(RunState, task) FIELD(RunState, team) FIELD(RunState, last_step) FIELD(RunState, rounds)                     \
    FIELD(RunState, chats) FIELD(RunState, tokens) FIELD(RunState, cost_nusd) FIELD(RunState, unpriced)                \
    FIELD(RunState, agent) FIELD(RunState, root) FIELD(RunState, own) FIELD(RunState, recent)                          \
    FIELD(RunState, started) FIELD(RunState, tree) FIELD(RunState, others) FIELD(RunState, news) FIELD(RunState, growth) FIELD(RunState, akin)  \
    FIELD(RootState, events) FIELD(RootState, last) FIELD(RootState, turns) FIELD(RootState, tokens)                   \
    FIELD(RootState, cost_nusd) FIELD(RootState, unpriced) FIELD(RootState, exchange) FIELD(RootState, told)           \
    FIELD(AgentState, events) FIELD(AgentState, runs) FIELD(AgentState, last) FIELD(AgentState, last_index)            \
    FIELD(AgentState, epoch) FIELD(AgentState, team) FIELD(AgentState, tokens) FIELD(AgentState, cost_nusd)            \
    FIELD(AgentState, unpriced) FIELD(AgentState, today)                                                               \
    FIELD(AppState, events) FIELD(AppState, today) FIELD(AppState, clock) FIELD(AppState, swept)                       \
    FIELD(AppState, last_index) FIELD(AppState, agents) FIELD(AppState, runs) FIELD(AppState, roots)                   \
    FIELD(DayTotals, day) FIELD(DayTotals, turns) FIELD(DayTotals, tokens) FIELD(DayTotals, cost_nusd)                 \
    FIELD(DayTotals, unpriced)                                                                                         \
    FIELD(History, index) FIELD(History, base) FIELD(History, calls) FIELD(History, near) FIELD(History, step)         \
    FIELD(History, step_calls) FIELD(History, hard) FIELD(History, soft) FIELD(History, fresh)                         \
    FIELD(History, streaks) FIELD(History, spoken) FIELD(History, cycle)                                               \
    FIELD(Spoken, outputs) FIELD(Spoken, inputs) FIELD(Spoken, sketches) FIELD(Spoken, prompted) FIELD(Spoken, stale)  \
    FIELD(Spoken, hard) FIELD(Spoken, chain) FIELD(Spoken, at) FIELD(Spoken, acted) FIELD(Spoken, streak)              \
    FIELD(Spoken, phrased) FIELD(Spoken, heard) FIELD(Spoken, size)                                                    \
    FIELD(Laps, symbols) FIELD(Laps, runs) FIELD(Laps, aside) FIELD(Laps, step) FIELD(Laps, best) FIELD(Laps, streak)  \
    FIELD(OpenStep, number) FIELD(OpenStep, at) FIELD(OpenStep, chat) FIELD(OpenStep, members)                         \
    FIELD(Reading, kind) FIELD(Reading, novel) FIELD(Reading, parallel) FIELD(Reading, poll) FIELD(Reading, call)      \
    FIELD(Reading, result) FIELD(Reading, failed) FIELD(Reading, empty) FIELD(Reading, writes) FIELD(Reading, fresh)   \
    FIELD(Reading, akin) FIELD(Reading, lag) FIELD(Reading, said) FIELD(Reading, phrase)                               \
    FIELD(Said, weight) FIELD(Said, link) FIELD(Said, equal) FIELD(Said, new) FIELD(Said, news) FIELD(Said, slow)      \
    FIELD(Said, heard) FIELD(Said, stirred) FIELD(Said, acted)                                                         \
    FIELD(RunState, run) FIELD(RunState, job) FIELD(RunState, seldom) FIELD(RootState, brood)                          \
    FIELD(RootState, descendants) FIELD(AppState, hitters) FIELD(AppState, jobs) FIELD(AppState, beats)                \
    FIELD(AgentState, asked) FIELD(AgentState, pace) FIELD(AgentState, manner) FIELD(Seldom, human_at)                 \
    FIELD(Seldom, shrinking) FIELD(Seldom, interval_s) FIELD(Hitters, known) FIELD(Pace, bucket) FIELD(Pace, calls)    \
    FIELD(Pace, tokens) FIELD(Pace, cost_nusd) FIELD(Pace, alarm) FIELD(Manner, last) FIELD(Manner, span_s)            \
    FIELD(Manner, events) FIELD(Manner, tokens) FIELD(Manner, usd) FIELD(Manner, failed) FIELD(Manner, stale)          \
    FIELD(Manner, fresh) FIELD(RateOptions, bucket_s) FIELD(RateOptions, min_buckets) FIELD(CohortOptions, least_events) \
    FIELD(Growth, met) FIELD(Growth, stale) FIELD(Growth, held) FIELD(Growth, base) FIELD(Growth, streak)              \
    FIELD(Growth, pieces) FIELD(Familiar, young) FIELD(Familiar, old) FIELD(Familiar, count)

/* What the kernel asks of the pure form where an event is not an ordinary one. */
#define FUNCTIONS(FUNCTION)                                                                                            \
    FUNCTION(account) FUNCTION(read) FUNCTION(learn) FUNCTION(learn_cycle) FUNCTION(learn_context)

/* Numbers of bins in which two sketches agree, from which they are so alike; and whole numbers of the pure form. */
#define LIMITS(LIMIT)                                                                                                  \
    LIMIT(akin_answers) LIMIT(news_below) LIMIT(said_alike) LIMIT(long_alike) LIMIT(templated) LIMIT(context_akin)     \
    LIMIT(news) LIMIT(calls) LIMIT(near) LIMIT(numbers) LIMIT(inputs) LIMIT(outputs) LIMIT(texts) LIMIT(symbols)       \
    LIMIT(brief_words) LIMIT(answer_words) LIMIT(step_words) LIMIT(said_words) LIMIT(long_words) LIMIT(prompt_words)  \
    LIMIT(context_words) LIMIT(context_calls) LIMIT(slow_words) LIMIT(slow_sparse) LIMIT(exempt) LIMIT(manner_full)    \
    LIMIT(manner_rest) LIMIT(context_pieces) LIMIT(context_leak) LIMIT(familiar_full) LIMIT(shared_percent)            \
    LIMIT(nearly_percent) LIMIT(hardly_percent)

/* Classes of results. */
#define KLASSES(KLASS) KLASS(content) KLASS(empty) KLASS(ack) KLASS(error) KLASS(pending) KLASS(bare)

/* Detectors of which it is known what they look at first (watchers.c). */
#define WATCHERS(WATCHER)                                                                                              \
    WATCHER(repeat) WATCHER(cycle) WATCHER(stagnation) WATCHER(failure) WATCHER(monologue) WATCHER(paraphrase)         \
    WATCHER(pingpong) WATCHER(slow) WATCHER(degenerate) WATCHER(spawn) WATCHER(restart) WATCHER(compaction)            \
    WATCHER(context) WATCHER(unattended) WATCHER(rate) WATCHER(cohort)

#define AS_CLASS(class) class##_,
#define AS_FIELD(class, field) class##_##field,
#define AS_FUNCTION(function) pure_##function,
#define AS_LIMIT(limit) limit_##limit,
#define AS_KLASS(klass) klass_##klass,
#define AS_WATCHER(watcher) watcher_##watcher,
enum { CLASSES(AS_CLASS) CLASS_COUNT };
enum { FIELDS(AS_FIELD) FIELD_COUNT };
enum { FUNCTIONS(AS_FUNCTION) FUNCTION_COUNT };
enum { LIMITS(AS_LIMIT) LIMIT_COUNT };
enum { KLASSES(AS_KLASS) KLASS_COUNT };
enum { WATCHERS(AS_WATCHER) WATCHER_COUNT };

/* The words that an event's `op`, `status` and `trigger` may be, as the interned strings that they are. */
#define WORDS(WORD)                                                                                                    \
    WORD(chat) WORD(execute_tool) WORD(invoke_agent) WORD(message) WORD(compact) WORD(heartbeat) WORD(run_start)       \
    WORD(run_end) WORD(ok) WORD(empty) WORD(error) WORD(denied) WORD(rate_limited) WORD(held) WORD(human)              \
    WORD(schedule) WORD(agent) WORD(tool)
#define AS_WORD(word) word_##word,
enum { WORDS(AS_WORD) WORD_COUNT };

extern PyTypeObject *types[CLASS_COUNT];
extern Py_ssize_t places[FIELD_COUNT];
extern PyObject *pure[FUNCTION_COUNT];
extern PyObject *words[WORD_COUNT];
extern PyObject *klasses[KLASS_COUNT];
extern long limits[LIMIT_COUNT];
extern PyObject *one, *zero, *nought, *none_open; /* 1, 0, 0.0, -1 */

static inline int is(PyObject *object, int class) { return Py_TYPE(object) == types[class]; }

/* A borrowed reference, which holds until the field is written. A field without a value reads as None. */
static inline PyObject *get(PyObject *object, int field)
{
    PyObject *const found = *(PyObject **)((char *)object + places[field]);
    return found == NULL ? Py_None : found;
}

/* Put a reference that is given away into a field. What was there goes last: its end may run any code. */
static inline void put(PyObject *object, int field, PyObject *value)
{
    PyObject **const slot = (PyObject **)((char *)object + places[field]);
    PyObject *const before = *slot;
    *slot = value;
    Py_XDECREF(before);
}

static inline void put_same(PyObject *object, int field, PyObject *value) { put(object, field, Py_NewRef(value)); }

/* Add to a whole number; -1 with an exception. Both are known to be of Python's own type, so that no code runs. */
static inline int add(PyObject *object, int field, PyObject *amount)
{
    PyObject *const sum = PyNumber_Add(get(object, field), amount);
    if (sum == NULL)
        return -1;
    put(object, field, sum);
    return 0;
}

/* Whether a string is one of the words, or an optional one absent; anything that is neither is for the pure form. */
static inline int is_word(PyObject *given, int word) { return given == words[word]; }

static inline int is_known_word(PyObject *given)
{
    for (int word = 0; word < WORD_COUNT; word++)
        if (given == words[word])
            return 1;
    return 0;
}

static inline int has_text(PyObject *given) { return PyUnicode_Check(given) && PyUnicode_GetLength(given) > 0; }

#define NO_BYTES {(const uint8_t *)"", 0} /* a view of none: no function of C takes a null pointer, not even for none */

/* Read what must be of a type into a C value; `odd` is set, and no exception, where it is of another or too large. */
static inline double real_of(PyObject *given, int *odd)
{
    if (PyFloat_CheckExact(given))
        return PyFloat_AsDouble(given);
    *odd = 1;
    return 0.0;
}

static inline long long whole_of(PyObject *given, int *odd)
{
    int over = 0;
    const long long found = PyLong_CheckExact(given) ? PyLong_AsLongLongAndOverflow(given, &over) : (over = 1, 0);
    *odd |= over;
    return found;
}

static inline uint64_t digest_of(PyObject *given, int *odd)
{
    const unsigned long long found = PyLong_CheckExact(given) ? PyLong_AsUnsignedLongLong(given) : (*odd = 1, 0);
    if (found == (unsigned long long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        *odd = 1;
    }
    return found;
}

static inline view bytes_in(PyObject *given, int *odd)
{
    char *at = "";
    Py_ssize_t size = 0;
    if (!PyBytes_CheckExact(given) || PyBytes_AsStringAndSize(given, &at, &size) < 0) {
        PyErr_Clear();
        *odd = 1;
    }
    return (view){(const uint8_t *)at, (size_t)size};
}

/* A sketch is a whole one or none. */
static inline view sketch_in(PyObject *given, int *odd)
{
    const view found = bytes_in(given, odd);
    *odd |= found.size != 0 && found.size != BINS;
    return found;
}

static inline int truth_of(PyObject *given, int *odd)
{
    *odd |= given != Py_True && given != Py_False;
    return given == Py_True;
}

static inline PyObject *truth(int whether) { return whether ? Py_True : Py_False; }

static inline view text_in(PyObject *given, int *odd)
{
    Py_ssize_t size = 0;
    const char *const at = PyUnicode_Check(given) ? PyUnicode_AsUTF8AndSize(given, &size) : NULL;
    if (at == NULL) {
        PyErr_Clear();
        *odd = 1;
    }
    return (view){(const uint8_t *)(at ? at : ""), (size_t)size};
}

/* rings.c: byte strings of entries, oldest first; a digest is eight bytes, the lowest first */
enum { DIGEST = 8, CALL = 21, AT_ANSWER = 8, AT_TIME = 16, AT_MARK = 20 }; /* history.py: an entry of the ring of calls */
enum { FAILED = 1, WRITE = 2, FRESH = 4 };                                 /* its mark */
uint64_t mixed(uint64_t a, uint64_t b);
void store64(uint8_t *at, uint64_t value);
int has_digest(view ring, size_t step, size_t offset, uint64_t digest); /* at this offset of an entry of `step` bytes */
/* Give the ring without its head, and with more at its end; NULL without an exception where it is too long or too short
 * for that, as one of another version may be, which is for the pure form. `added` is an entry. */
PyObject *with_end(view ring, size_t dropped, view added);
PyObject *with_digest(view ring, long most, uint64_t digest); /* the same */
int most_agreeing(view sketch, view others); /* with any of some sketches, one after the other */

/* near.py: an entry is its own size, five digests, marks, times in a row, then sketches and numbers */
enum { NEAR_TOOL = 1, NEAR_CALL = 9, NEAR_RESULT = 25, NEAR_MARKS = 41, NEAR_HEAD = 43 };
enum { NEAR_FAILED = 1, NEAR_ARGUMENTS = 2, NEAR_ANSWER = 4, NEAR_SMALL = 8 };
int next_near(view ring, size_t *at, view *entry); /* 1 with the next entry, 0 at the end, -1 where it is none */
view near_answer(view entry);

/* What an event, its place and its reading are, once all are known to be of their types. */
typedef struct {
    PyObject *seen, *scope, *event, *prints, *run, *root, *history, *spoken, *op, *status; /* spoken may be None */
} sight;
int look(PyObject *seen, PyObject *scope, sight *its);

typedef struct {
    PyObject *print; /* None where there is none, and then nothing else counts */
    uint64_t masked;
    long long words;
    view sketch;
} text;
text text_of(PyObject *print, int *odd);
uint64_t tool_digest(PyObject *tool, int *odd);
int is_alone(const sight *its, int *odd); /* nobody else hears of what is new here */

PyObject *read_chat(const sight *its);   /* a new reading; NULL without an exception where the pure form must do it */
int learn_chat(const sight *its, PyObject *reading); /* 1 when done, 0 where the pure form must do it, -1 */

#define FAST(name) PyObject *py_##name(PyObject *module, PyObject *const *given, Py_ssize_t count)
FAST(account);
FAST(place_event);
FAST(read);
FAST(learn);
FAST(learn_cycle);
FAST(learn_context);
FAST(ask);
FAST(tell);
FAST(mask);

/* Hand an event to the pure form; both arguments are those of the call. */
static inline PyObject *ask_pure(int function, PyObject *const *given)
{
    return PyObject_CallFunctionObjArgs(pure[function], given[0], given[1], NULL);
}

static inline int expects_two(Py_ssize_t count)
{
    if (count != 2)
        PyErr_Format(PyExc_TypeError, "2 arguments are wanted, %zd are given", count);
    return count == 2;
}

#endif
