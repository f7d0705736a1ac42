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
    CLASS(AgentState) CLASS(AppState) CLASS(DayTotals)

#define FIELDS(FIELD)                                                                                                  \
    FIELD(Event, op) FIELD(Event, status) FIELD(Event, trigger) FIELD(Event, epoch) FIELD(Event, handles)              \
    FIELD(Event, model) FIELD(Event, task) FIELD(Event, team) FIELD(Event, user) FIELD(Event, step)                    \
    FIELD(Event, input_tokens) FIELD(Event, output_tokens)                                                             \
    FIELD(Observation, index) FIELD(Observation, now) FIELD(Observation, event) FIELD(Observation, prints)             \
    FIELD(Observation, cost_nusd)                                                                                      \
    FIELD(Scope, app) FIELD(Scope, agent) FIELD(Scope, root) FIELD(Scope, run) FIELD(Scope, opened)                    \
    FIELD(RunState, events) FIELD(RunState, last) FIELD(RunState, last_index) FIELD(RunState, ended)                   \
    FIELD(RunState, human_at) FIELD(RunState, epoch) FIELD(RunState, epoch_at) FIELD(RunState, model)                  \
    FIELD(RunState, task) FIELD(RunState, team) FIELD(RunState, users) FIELD(RunState, last_step)                      \
    FIELD(RunState, rounds) FIELD(RunState, chats) FIELD(RunState, input_tokens) FIELD(RunState, output_tokens)        \
    FIELD(RunState, cost_nusd) FIELD(RunState, unpriced)                                                               \
    FIELD(RootState, events) FIELD(RootState, last) FIELD(RootState, turns) FIELD(RootState, tokens)                   \
    FIELD(RootState, cost_nusd) FIELD(RootState, unpriced)                                                             \
    FIELD(AgentState, events) FIELD(AgentState, runs) FIELD(AgentState, last) FIELD(AgentState, last_index)            \
    FIELD(AgentState, epoch) FIELD(AgentState, team) FIELD(AgentState, tokens) FIELD(AgentState, cost_nusd)            \
    FIELD(AgentState, unpriced) FIELD(AgentState, today)                                                               \
    FIELD(AppState, events) FIELD(AppState, today)                                                                     \
    FIELD(DayTotals, day) FIELD(DayTotals, turns) FIELD(DayTotals, tokens) FIELD(DayTotals, cost_nusd)                 \
    FIELD(DayTotals, unpriced)

/* What the kernel asks of the pure form where an event is not an ordinary one. */
#define FUNCTIONS(FUNCTION) FUNCTION(account)

#define AS_CLASS(class) class##_,
#define AS_FIELD(class, field) class##_##field,
#define AS_FUNCTION(function) pure_##function,
enum { CLASSES(AS_CLASS) CLASS_COUNT };
enum { FIELDS(AS_FIELD) FIELD_COUNT };
enum { FUNCTIONS(AS_FUNCTION) FUNCTION_COUNT };

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
extern PyObject *one;

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

/* Add to a number; -1 with an exception. */
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

PyObject *py_account(PyObject *module, PyObject *const *given, Py_ssize_t count);

#endif
