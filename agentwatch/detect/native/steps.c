/* steps.py: what an event is within the step that is open, and which steps it closes. Nothing is changed until told. */
#include "steps.h"

/* Sum the members after mixing each (SplitMix64's finaliser), so that order does not matter but content does. */
static uint64_t digest_of_members(PyObject *members, int *odd)
{
    const Py_ssize_t count = PyTuple_Size(members);
    uint64_t total = 0;
    for (Py_ssize_t at = 0; at < count; at++) {
        uint64_t member = digest_of(PyTuple_GetItem(members, at), odd);
        if (count == 1)
            return member;
        member = (member ^ member >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
        member = (member ^ member >> 27) * UINT64_C(0x94D049BB133111EB);
        total += member ^ member >> 31;
    }
    return total ? total : 1;
}

static void close_step(entering *its, int *odd)
{
    const uint64_t symbol = its->members != NULL ? digest_of_members(its->members, odd) : its->chat;
    its->members = NULL;
    its->chat = 0;
    its->number = none_open;
    if (symbol)
        its->closed[its->count++] = symbol;
}

/* Let the event join the open step; a call that it holds already, or one too many, adds nothing. */
static void join(entering *its, uint64_t symbol, int tool, int *odd)
{
    const Py_ssize_t held = its->members == NULL ? 0 : PyTuple_Size(its->members);
    if (!tool) {
        its->chat = symbol;
        return;
    }
    its->joins = held < limits[limit_members];
    for (Py_ssize_t at = 0; at < held; at++)
        its->joins &= digest_of(PyTuple_GetItem(its->members, at), odd) != symbol;
}

int enter_step(const sight *its, PyObject *open, uint64_t symbol, entering *made)
{
    int odd = 0;
    PyObject *const step = get(its->event, Event_step), *const members = get(open, OpenStep_members);
    if (!is(open, OpenStep_) || !PyTuple_CheckExact(members))
        return 0;
    const long long before = whole_of(get(open, OpenStep_number), &odd);
    const long long number = step == Py_None ? -1 : whole_of(step, &odd);
    const int tool = is_word(its->op, word_execute_tool);
    *made = (entering){.open = open,
                       .symbol = symbol,
                       .number = get(open, OpenStep_number),
                       .members = PyTuple_Size(members) ? members : NULL,
                       .chat = digest_of(get(open, OpenStep_chat), &odd)};
    if (odd)
        return 0;
    if (tool && step == Py_None && before < 0) {
        made->chat = 0;
        made->closed[made->count++] = symbol;
        return 1;
    }
    const double now = real_of(get(its->seen, Observation_now), &odd), at = real_of(get(open, OpenStep_at), &odd);
    if (before >= 0 && number != before) {
        if (0 <= number && number < before && now - at <= weights[weight_steps_CLOSES_AFTER_S])
            return !odd;
        close_step(made, &odd);
    }
    if (number >= 0) {
        if (made->number == none_open || before < 0) {
            if (before < 0)
                close_step(made, &odd);
            made->number = step;
        }
        made->is_now = 1;
        join(made, symbol, tool, &odd);
    } else if (tool) {
        made->chat = 0;
        made->closed[made->count++] = symbol;
    } else {
        if (before < 0)
            close_step(made, &odd);
        made->chat = symbol;
        made->is_now = 1;
    }
    return !odd;
}

/* Give the members with one more at their end. */
static PyObject *members_with(PyObject *members, uint64_t symbol)
{
    const Py_ssize_t held = members == NULL ? 0 : PyTuple_Size(members);
    PyObject *const made = PyTuple_New(held + 1), *const last = PyLong_FromUnsignedLongLong(symbol);
    if (made == NULL || last == NULL) {
        Py_XDECREF(made);
        Py_XDECREF(last);
        return NULL;
    }
    for (Py_ssize_t at = 0; at < held; at++)
        PyTuple_SetItem(made, at, Py_NewRef(PyTuple_GetItem(members, at)));
    PyTuple_SetItem(made, held, last);
    return made;
}

int write_step(const sight *its, const entering *made)
{
    int odd = 0;
    PyObject *const open = made->open;
    if (digest_of(get(open, OpenStep_chat), &odd) != made->chat) {
        PyObject *const chat = made->chat ? PyLong_FromUnsignedLongLong(made->chat) : Py_NewRef(zero);
        if (chat == NULL)
            return -1;
        put(open, OpenStep_chat, chat);
    }
    if (made->joins || (made->members == NULL && PyTuple_Size(get(open, OpenStep_members)))) {
        PyObject *const members = made->joins ? members_with(made->members, made->symbol) : PyTuple_New(0);
        if (members == NULL)
            return -1;
        put(open, OpenStep_members, members);
    }
    put_same(open, OpenStep_number, made->number);
    if (made->is_now)
        put_same(open, OpenStep_at, get(its->seen, Observation_now));
    return 0;
}
