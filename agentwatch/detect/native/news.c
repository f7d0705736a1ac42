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
