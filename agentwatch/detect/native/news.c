/* news.py: who hears of something new in a tree of runs. */
#include "slots.h"

long long heard_of(const sight *its, int *odd)
{
    PyObject *const told = get(its->root, RootState_told), *const agent = get(its->scope, Scope_agent);
    const long long news = whole_of(get(its->run, RunState_news), odd);
    if (told == Py_None)
        return news;
    if (!PyDict_CheckExact(told) || !is(agent, AgentState_) || !PyUnicode_CheckExact(get(agent, AgentState_agent))) {
        *odd = 1;
        return news;
    }
    PyObject *const found = PyDict_GetItemWithError(told, get(agent, AgentState_agent));
    return found == NULL ? news : news + whole_of(found, odd);
}

int find_hearers(const sight *its, hearers *all)
{
    int odd = 0;
    PyObject *const app = get(its->scope, Scope_app), *const to = get(its->event, Event_to_agent);
    PyObject *const told = get(its->root, RootState_told);
    PyObject *above = get(its->run, RunState_parent);
    *all = (hearers){0};
    if (!is(app, AppState_) || !PyDict_CheckExact(get(app, AppState_runs)) || !PyUnicode_Check(to) ||
        !PyUnicode_Check(get(its->event, Event_agent)))
        return 0;
    while (has_text(above) && all->count < limits[limit_ancestors]) {
        PyObject *const parent = PyDict_GetItemWithError(get(app, AppState_runs), above);
        if (parent == NULL || parent == its->run)
            break;
        if (all->count == MOST_ANCESTORS || !is(parent, RunState_))
            return 0;
        whole_of(get(parent, RunState_news), &odd);
        all->above[all->count++] = parent;
        above = get(parent, RunState_parent);
    }
    whole_of(get(its->run, RunState_news), &odd);
    if (has_text(to) && PyUnicode_Compare(to, get(its->event, Event_agent)) != 0) {
        all->addressee = to;
        if (told != Py_None) {
            if (!PyDict_CheckExact(told))
                return 0;
            PyObject *const before = PyDict_GetItemWithError(told, to);
            if (before == NULL && PyDict_Size(told) >= limits[limit_addressees])
                return 0;
            if (before != NULL)
                whole_of(before, &odd);
        }
    }
    return !odd && !PyErr_Occurred();
}

/* Tell the agent that a message is for; -1 with an exception. */
static int tell_addressee(const sight *its, PyObject *to, PyObject *weight)
{
    PyObject *told = get(its->root, RootState_told);
    if (told == Py_None) {
        if ((told = PyDict_New()) == NULL)
            return -1;
        put(its->root, RootState_told, told);
    }
    PyObject *const before = PyDict_GetItemWithError(told, to);
    PyObject *const sum = before == NULL ? Py_NewRef(weight) : PyNumber_Add(before, weight);
    const int failed = sum == NULL ? -1 : PyDict_SetItem(told, to, sum);
    Py_XDECREF(sum);
    return failed;
}

int spread(const sight *its, const hearers *all, long weight)
{
    PyObject *const amount = PyLong_FromLong(weight);
    int failed = amount == NULL ? -1 : add(its->run, RunState_news, amount);
    for (int at = 0; at < all->count && failed == 0; at++)
        failed = add(all->above[at], RunState_news, amount);
    if (failed == 0 && all->addressee != NULL)
        failed = tell_addressee(its, all->addressee, amount);
    Py_XDECREF(amount);
    return failed;
}
