/* weighing.py, cost/ledger.py and policy/runs.py: an event of which nothing follows but sums, counted while it is near.
 *
 * What it leaves it has not changed; of what it counts but for the gate only the gate is still to be told.
 */
#include "tally.h"

enum { AT_NAME, AT_EVENTS, AT_INPUT, AT_OUTPUT, AT_COST, AT_UNPRICED, AT_LOOPING, ROW_SIZE }; /* records/ledger.py */

static PyObject *spot(const tally *all, PyObject *object, int which)
{
    PyObject *const found = *(PyObject **)((char *)object + all->spots[which]);
    return found == NULL ? Py_None : found;
}

static void put_spot(const tally *all, PyObject *object, int which, PyObject *value)
{
    PyObject **const slot = (PyObject **)((char *)object + all->spots[which]), *const before = *slot;
    *slot = value;
    Py_XDECREF(before);
}

static int is_same(PyObject *one_text, PyObject *other)
{
    return one_text == other ||
           (PyUnicode_CheckExact(one_text) && PyUnicode_CheckExact(other) && PyUnicode_Compare(one_text, other) == 0);
}

/* Whether something is known about what an event concerns; -1 with an exception. */
static int is_known(const tally *all, PyObject *event)
{
    static const int concerned[] = {Event_run, Event_agent, Event_app, Event_tenant, Event_root_run, Event_task};
    for (size_t at = 0; at < sizeof concerned / sizeof *concerned; at++) {
        const int found = PyDict_Contains(all->names, get(event, concerned[at]));
        if (found != 0)
            return found;
    }
    return 0;
}

/* The line that the event's agent had last, where the event is of it; borrowed, else NULL. */
static PyObject *line_of(const tally *all, PyObject *event)
{
    int odd = 0;
    PyObject *const line = PyDict_GetItemWithError(all->latest, get(event, Event_agent));
    if (line == NULL || Py_TYPE(line) != all->kinds[LINE] || !is_same(spot(all, line, MODEL), get(event, Event_model)) ||
        !is_same(spot(all, line, APP), get(event, Event_app)) ||
        !is_same(spot(all, line, TENANT), get(event, Event_tenant)) || !is_same(spot(all, line, TEAM), get(event, Event_team)))
        return NULL;
    const double ts = real_of(get(event, Event_ts), &odd);
    const int today = real_of(spot(all, line, SINCE), &odd) <= ts && ts < real_of(spot(all, line, UNTIL), &odd);
    return today && !odd ? line : NULL;
}

static int has_begun(const tally *all, PyObject *line, int *odd)
{
    return whole_of(spot(all, line, BATCH), odd) == whole_of(all->batch, odd);
}

static int is_amount(PyObject *given) { return given == Py_None || PyLong_CheckExact(given); }

static int add_to(PyObject *row, Py_ssize_t at, PyObject *amount)
{
    if (amount == Py_None || amount == zero)
        return 0;
    PyObject *const sum = PyNumber_Add(PyList_GetItem(row, at), amount);
    return sum == NULL ? -1 : PyList_SetItem(row, at, sum);
}

/* Let a line begin in this batch; what its row held was copied when it was drained. */
static int begin(const tally *all, PyObject *line, PyObject *row)
{
    if (PyList_Append(all->begun, line) < 0)
        return -1;
    for (Py_ssize_t at = AT_EVENTS; at < ROW_SIZE; at++)
        PyList_SetItem(row, at, Py_NewRef(zero));
    put_spot(all, line, BATCH, Py_NewRef(all->batch));
    return 0;
}

static int add_up(PyObject *row, PyObject *seen, PyObject *event)
{
    PyObject *const cost = get(seen, Observation_cost_nusd);
    return add_to(row, AT_EVENTS, one) < 0 || add_to(row, AT_INPUT, get(event, Event_input_tokens)) < 0 ||
                   add_to(row, AT_OUTPUT, get(event, Event_output_tokens)) < 0 || add_to(row, AT_COST, cost) < 0 ||
                   (cost == Py_None && add_to(row, AT_UNPRICED, one) < 0)
               ? -1
               : 0;
}

/* Note what was known already to be known now. That changes no count, and what is too old went when the batch began. */
static int refresh(const tally *all, PyObject *entry, int at, double within_s, PyObject *move_to_end, PyObject *key)
{
    int odd = 0;
    if (all->now - real_of(spot(all, entry, at), &odd) < within_s && !odd)
        return 0;
    PyObject *const nothing = PyObject_CallFunctionObjArgs(move_to_end, key, NULL);
    if (nothing == NULL)
        return -1;
    Py_DECREF(nothing);
    put_spot(all, entry, at, Py_NewRef(all->moment));
    return 0;
}

static int is_kind(const tally *all, PyObject *entry, int kind) { return entry != NULL && Py_TYPE(entry) == all->kinds[kind]; }

static int has_outcome(PyObject *seen, PyObject *event)
{
    PyObject *const op = get(event, Event_op);
    return (is_word(op, word_chat) || is_word(op, word_execute_tool)) && !is_word(get(event, Event_status), word_held) &&
           get(seen, Observation_own_effect) == Py_False;
}

/* Tell the gate that a run goes on as before; COUNTED, GATE_LEFT where there is more to be told, or -1. */
static int tell_gate(const tally *all, PyObject *seen, PyObject *event, PyObject *rule, PyObject *key)
{
    PyObject *const run = PyDict_GetItemWithError(all->runs, key);
    if (!is_kind(all, run, RUN) || !is_same(spot(all, run, RUN_RULE), rule))
        return PyErr_Occurred() ? -1 : GATE_LEFT;
    if (has_outcome(seen, event)) {
        PyObject *const outcome = PyDict_GetItemWithError(all->outcomes, key);
        if (!is_kind(all, outcome, OUTCOME) || spot(all, outcome, OUTCOME_FAILED) != Py_False ||
            get(event, Event_error) != Py_None || is_word(get(event, Event_status), word_rate_limited))
            return PyErr_Occurred() ? -1 : GATE_LEFT;
        if (refresh(all, outcome, OUTCOME_AT, all->outcome_s, all->move_outcome, key) < 0)
            return -1;
    }
    return refresh(all, run, RUN_AT, all->active_s, all->move_run, key) < 0 ? -1 : COUNTED;
}

/* Whether an event is of those that are counted here, as far as itself tells. */
static int is_plain(PyObject *seen, PyObject *scope, PyObject *event)
{
    PyObject *const op = get(event, Event_op), *const status = get(event, Event_status);
    return (is_word(op, word_chat) || is_word(op, word_execute_tool) || is_word(op, word_message) ||
            is_word(op, word_compact) || is_word(op, word_heartbeat)) &&
           (status == Py_None || is_known_word(status)) && get(scope, Scope_duplicate) == Py_False &&
           is_amount(get(event, Event_input_tokens)) && is_amount(get(event, Event_output_tokens)) &&
           is_amount(get(seen, Observation_cost_nusd));
}

int count_event(const tally *all, PyObject *seen, PyObject *scope, PyObject *rule)
{
    int odd = 0;
    PyObject *const event = get(seen, Observation_event);
    if (all->latest == NULL || !is(event, Event_) || !is_plain(seen, scope, event))
        return LEFT;
    const int known = is_known(all, event);
    PyObject *const line = known ? NULL : line_of(all, event);
    if (line == NULL)
        return PyErr_Occurred() ? -1 : LEFT;
    const int begun = has_begun(all, line, &odd);
    if (odd || (!begun && PyList_Size(all->begun) >= all->most))
        return LEFT;
    PyObject *const row = spot(all, line, ROW);
    if (!PyList_CheckExact(row) || PyList_Size(row) != ROW_SIZE)
        return LEFT;
    if (!begun && begin(all, line, row) < 0)
        return -1;
    if (add_up(row, seen, event) < 0)
        return -1;
    PyObject *const key = PyTuple_Pack(3, get(event, Event_tenant), get(event, Event_app), get(event, Event_run));
    const int told = key == NULL ? -1 : tell_gate(all, seen, event, rule, key);
    Py_XDECREF(key);
    return told;
}
