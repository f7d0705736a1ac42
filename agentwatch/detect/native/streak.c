/* streak.py: how a repetition is counted from its first event on. */
#include "slots.h"

/* Whether a number is none, or a whole one of Python's own type. */
static int is_count(PyObject *number) { return number == Py_None || PyLong_CheckExact(number); }

static int are_whole(PyObject *list)
{
    int odd = !PyList_CheckExact(list);
    for (Py_ssize_t at = 0, size = odd ? 0 : PyList_Size(list); at < size; at++)
        digest_of(PyList_GetItem(list, at), &odd);
    return !odd;
}

int can_grow(PyObject *streak, const sight *its)
{
    PyObject *const event = its->event, *const run = its->run;
    if (streak != Py_None)
        return is(streak, Streak_) && PyLong_CheckExact(get(streak, Streak_count)) &&
               PyList_CheckExact(get(streak, Streak_ids)) && are_whole(get(streak, Streak_digests)) &&
               PyUnicode_Check(get(event, Event_tool));
    return is_count(get(event, Event_input_tokens)) && is_count(get(event, Event_output_tokens)) &&
           is_count(get(its->seen, Observation_cost_nusd)) && PyLong_CheckExact(get(run, RunState_tokens)) &&
           PyLong_CheckExact(get(run, RunState_cost_nusd)) && PyLong_CheckExact(get(run, RunState_unpriced));
}

/* Take an amount, which may be none, from a sum that is given away. */
static PyObject *without(PyObject *sum, PyObject *amount)
{
    PyObject *const left = sum == NULL ? NULL : amount == Py_None ? Py_NewRef(sum) : PyNumber_Subtract(sum, amount);
    Py_XDECREF(sum);
    return left;
}

static int append(PyObject *list, PyObject *item)
{
    const int failed = item == NULL ? -1 : PyList_Append(list, item);
    Py_XDECREF(item);
    return failed;
}

static int add_digests(PyObject *list, const uint64_t *digests, size_t count, int anew)
{
    for (size_t at = 0; at < count; at++) {
        int odd = 0, known = !anew && PyList_Size(list) >= limits[limit_ids];
        for (Py_ssize_t place = 0; !anew && !known && place < PyList_Size(list); place++)
            known = digest_of(PyList_GetItem(list, place), &odd) == digests[at];
        if (!known && append(list, PyLong_FromUnsignedLongLong(digests[at])) < 0)
            return -1;
    }
    return 0;
}

static PyObject *begun(const sight *its, const uint64_t *digests, size_t count)
{
    PyObject *const event = its->event, *const seen = its->seen, *const run = its->run;
    PyObject *const index = get(seen, Observation_index), *const now = get(seen, Observation_now);
    PyObject *const ids = PyList_New(0), *const all = PyList_New(0);
    PyObject *const tokens = without(without(Py_NewRef(get(run, RunState_tokens)), get(event, Event_input_tokens)),
                                     get(event, Event_output_tokens));
    PyObject *const cost = without(Py_NewRef(get(run, RunState_cost_nusd)), get(seen, Observation_cost_nusd));
    PyObject *made = NULL;
    if (ids != NULL && all != NULL && tokens != NULL && cost != NULL && PyList_Append(ids, get(event, Event_id)) == 0 &&
        add_digests(all, digests, count, 1) == 0)
        made = PyObject_CallFunctionObjArgs((PyObject *)types[Streak_], index, get(event, Event_id), now, tokens, cost,
                                            get(run, RunState_unpriced), now, index, one, ids, all,
                                            get(event, Event_tool), NULL);
    Py_XDECREF(ids);
    Py_XDECREF(all);
    Py_XDECREF(tokens);
    Py_XDECREF(cost);
    return made;
}

static int extend(PyObject *streak, const sight *its, const uint64_t *digests, size_t count)
{
    PyObject *const ids = get(streak, Streak_ids), *const tool = get(its->event, Event_tool);
    if (add(streak, Streak_count, one) < 0)
        return -1;
    put_same(streak, Streak_last, get(its->seen, Observation_now));
    put_same(streak, Streak_last_index, get(its->seen, Observation_index));
    if ((PyList_Size(ids) >= limits[limit_ids] && PyList_SetSlice(ids, 0, 1, NULL) < 0) ||
        PyList_Append(ids, get(its->event, Event_id)) < 0 ||
        add_digests(get(streak, Streak_digests), digests, count, 0) < 0)
        return -1;
    if (has_text(tool))
        put_same(streak, Streak_tool, tool);
    return 0;
}

PyObject *grown(PyObject *streak, const sight *its, const uint64_t *digests, size_t count)
{
    if (streak == Py_None)
        return begun(its, digests, count);
    return extend(streak, its, digests, count) < 0 ? NULL : Py_NewRef(streak);
}

int grow(PyObject *owner, int field, const sight *its, const uint64_t *digests, size_t count)
{
    PyObject *const streak = grown(get(owner, field), its, digests, count);
    if (streak == NULL)
        return -1;
    put(owner, field, streak);
    return 0;
}
