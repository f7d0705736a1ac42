/* accounts.py: what a run, its tree, agent and app have used, for an event that brings no new user, task or handle. */
#include "slots.h"

#define DAY_S 86400.0
#define LATEST_S 1e15 /* from here on whole seconds are no longer told apart */

typedef struct {
    PyObject *seen, *scope, *event, *now, *run, *root, *agent, *app, *agent_day, *app_day;
} account;

static int is_of_today(PyObject *today, double now)
{
    int odd = 0;
    const double day = (double)whole_of(get(today, DayTotals_day), &odd);
    return !odd && day * DAY_S <= now && now < (day + 1.0) * DAY_S;
}

/* Whether a name says nothing that the state does not know: it is absent, or there is one already. */
static int is_settled(PyObject *name, PyObject *known) { return !has_text(name) || has_text(known); }

/* Whether what was used on another day can be put away, where it is another. */
static int can_begin(PyObject *today, double now) { return is_of_today(today, now) || (now >= 0.0 && now < LATEST_S); }

static int is_same_text(PyObject *one_text, PyObject *other)
{
    return one_text == other || (PyUnicode_Check(one_text) && PyUnicode_Check(other) &&
                                 PyUnicode_GetLength(one_text) == PyUnicode_GetLength(other) &&
                                 PyUnicode_Compare(one_text, other) == 0);
}

/* Whether a number is none, or a whole one of Python's own type. */
static int is_count(PyObject *number) { return number == Py_None || PyLong_CheckExact(number); }

/* Whether all is of its type and the event is an ordinary one. */
static int read_account(PyObject *seen, PyObject *scope, account *its)
{
    if (!is(seen, Observation_) || !is(scope, Scope_))
        return 0;
    *its = (account){seen, scope, get(seen, Observation_event), get(seen, Observation_now), get(scope, Scope_run),
                     get(scope, Scope_root), get(scope, Scope_agent), get(scope, Scope_app), NULL, NULL};
    if (!is(its->event, Event_) || !is(its->run, RunState_) || !is(its->root, RootState_) ||
        !is(its->agent, AgentState_) || !is(its->app, AppState_) || !PyFloat_Check(its->now))
        return 0;
    its->agent_day = get(its->agent, AgentState_today);
    its->app_day = get(its->app, AppState_today);
    if (!is(its->agent_day, DayTotals_) || !is(its->app_day, DayTotals_))
        return 0;
    const double now = PyFloat_AsDouble(its->now);
    PyObject *const event = its->event, *const run = its->run, *const status = get(event, Event_status);
    PyObject *const model = get(event, Event_model), *const trigger = get(event, Event_trigger);
    return is_known_word(get(event, Event_op)) && (status == Py_None || is_known_word(status)) &&
           (trigger == Py_None || is_known_word(trigger)) && get(event, Event_handles) == Py_None &&
           !has_text(get(event, Event_user)) && is_settled(get(event, Event_task), get(run, RunState_task)) &&
           is_settled(get(event, Event_team), get(run, RunState_team)) &&
           is_settled(get(event, Event_team), get(its->agent, AgentState_team)) &&
           (!has_text(model) || PyUnicode_CheckExact(model)) &&
           (get(run, RunState_seldom) == Py_None || is(get(run, RunState_seldom), Seldom_)) &&
           is_count(get(event, Event_step)) && is_count(get(event, Event_input_tokens)) &&
           is_count(get(event, Event_output_tokens)) && is_count(get(seen, Observation_cost_nusd)) &&
           can_begin(its->agent_day, now) && can_begin(its->app_day, now);
}

/* Begin a day where it is another; -1 with an exception. */
static int begin_day(const account *its, PyObject *today)
{
    static const int sums[] = {DayTotals_turns, DayTotals_tokens, DayTotals_cost_nusd, DayTotals_unpriced};
    const double now = PyFloat_AsDouble(its->now);
    if (is_of_today(today, now))
        return 0;
    PyObject *const day = today == its->app_day ? PyLong_FromLongLong((int64_t)now / (int64_t)DAY_S)
                                                : Py_NewRef(get(its->app_day, DayTotals_day));
    if (day == NULL)
        return -1;
    put(today, DayTotals_day, day);
    put_same(today, DayTotals_since, its->now);
    for (size_t at = 0; at < sizeof sums / sizeof *sums; at++)
        put_same(today, sums[at], zero);
    return 0;
}

/* Note which model it is now, and when a human spoke; -1 with an exception. */
static int note(const account *its)
{
    PyObject *const run = its->run, *const model = get(its->event, Event_model);
    if (has_text(model) && !is_same_text(model, get(run, RunState_model))) {
        PyObject *name = Py_NewRef(model);
        PyUnicode_InternInPlace(&name);
        put(run, RunState_model, name);
    }
    if (!is_word(get(its->event, Event_trigger), word_human))
        return 0;
    if (get(run, RunState_seldom) == Py_None) {
        PyObject *const seldom = PyObject_CallNoArgs((PyObject *)types[Seldom_]);
        if (seldom == NULL)
            return -1;
        put(run, RunState_seldom, seldom);
    }
    put_same(get(run, RunState_seldom), Seldom_human_at, its->now);
    return 0;
}

static int is_equal(PyObject *one_number, PyObject *other)
{
    uint64_t a, b;
    if (PyLong_CheckExact(one_number) && PyLong_CheckExact(other) && has_whole(one_number, &a) && has_whole(other, &b))
        return a == b;
    return PyObject_RichCompareBool(one_number, other, Py_EQ);
}

static int is_more(PyObject *one_number, PyObject *other)
{
    uint64_t a, b;
    if (PyLong_CheckExact(one_number) && PyLong_CheckExact(other) && has_whole(one_number, &a) && has_whole(other, &b))
        return a > b;
    return PyObject_RichCompareBool(one_number, other, Py_GT);
}

/* Count the event into its run's turns; 1 where they grew by it, -1 with an exception. */
static int turns(const account *its)
{
    PyObject *const op = get(its->event, Event_op), *const run = its->run, *const step = get(its->event, Event_step);
    if (is_word(get(its->event, Event_status), word_held) || is_word(op, word_heartbeat) ||
        is_word(op, word_run_start) || is_word(op, word_run_end) || is_word(op, word_compact))
        return 0;
    const int tool = is_word(op, word_execute_tool);
    if (tool) {
        if (step == Py_None) {
            put_same(run, RunState_last_step, none_open);
        } else {
            const int same = is_equal(step, get(run, RunState_last_step));
            if (same)
                return same < 0 ? -1 : 0;
            put_same(run, RunState_last_step, step);
        }
    }
    if (add(run, tool ? RunState_rounds : RunState_chats, one) < 0)
        return -1;
    PyObject *const rounds = get(run, RunState_rounds), *const chats = get(run, RunState_chats);
    return tool ? is_more(rounds, chats) : is_more(chats, rounds);
}

static int add_all(const account *its, int run, int root, int agent, int day, PyObject *amount)
{
    if (add(its->run, run, amount) < 0)
        return -1;
    if (root != RootState_unpriced && get(its->run, RunState_tree) == its->root)
        put_same(its->root, root, get(its->run, run)); /* it is alone: its counts are the run's, kept as one object */
    else if (add(its->root, root, amount) < 0)
        return -1;
    return add(its->agent, agent, amount) < 0 || add(its->agent_day, day, amount) < 0 ||
                   add(its->app_day, day, amount) < 0
               ? -1
               : 0;
}

/* Give a number of tokens, which may be absent; borrowed, and NULL where there are none. */
static PyObject *amount_of(PyObject *number)
{
    return number == Py_None || number == zero || PyObject_IsTrue(number) == 0 ? NULL : number;
}

static int spend(const account *its)
{
    PyObject *const into = amount_of(get(its->event, Event_input_tokens));
    PyObject *const out = amount_of(get(its->event, Event_output_tokens));
    PyObject *const cost = get(its->seen, Observation_cost_nusd);
    if (into == NULL && out == NULL && amount_of(cost) == NULL)
        return 0; /* most calls of tools say nothing of money */
    PyObject *const tokens = into && out ? PyNumber_Add(into, out) : Py_NewRef(into ? into : out ? out : zero);
    const int failed = tokens == NULL ? -1 : add_all(its, RunState_tokens, RootState_tokens, AgentState_tokens,
                                                     DayTotals_tokens, tokens);
    Py_XDECREF(tokens);
    if (failed)
        return -1;
    if (cost == Py_None)
        return add_all(its, RunState_unpriced, RootState_unpriced, AgentState_unpriced, DayTotals_unpriced, one);
    if (amount_of(cost) == NULL)
        return 0;
    return add_all(its, RunState_cost_nusd, RootState_cost_nusd, AgentState_cost_nusd, DayTotals_cost_nusd, cost);
}

static int count_in(const account *its)
{
    PyObject *const run = its->run, *const agent = its->agent, *const index = get(its->seen, Observation_index);
    PyObject *const epoch = get(its->event, Event_epoch);
    put_same(run, RunState_last, its->now);
    put_same(run, RunState_last_index, index);
    put_same(run, RunState_ended, is_word(get(its->event, Event_op), word_run_end) ? Py_True : Py_False);
    put_same(its->root, RootState_last, its->now);
    put_same(agent, AgentState_last, its->now);
    put_same(agent, AgentState_last_index, index);
    if (epoch != Py_None) {
        put_same(run, RunState_epoch, epoch);
        put_same(run, RunState_epoch_at, its->now);
        put_same(agent, AgentState_epoch, epoch);
    }
    if (add(run, RunState_events, one) < 0 || add(its->root, RootState_events, one) < 0 ||
        add(agent, AgentState_events, one) < 0 || add(its->app, AppState_events, one) < 0)
        return -1;
    return get(its->scope, Scope_opened) == Py_True ? add(agent, AgentState_runs, one) : 0;
}

/* account(seen, scope) */
PyObject *py_account(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    (void)module;
    account its;
    if (!expects_two(count))
        return NULL;
    if (!read_account(given[0], given[1], &its))
        return ask_pure(pure_account, given);
    if (note(&its) < 0 || count_in(&its) < 0 || begin_day(&its, its.app_day) < 0 || begin_day(&its, its.agent_day) < 0)
        return NULL;
    const int grown = turns(&its);
    if (grown < 0 || (grown && (add(its.root, RootState_turns, one) < 0 || add(its.agent_day, DayTotals_turns, one) < 0 ||
                                add(its.app_day, DayTotals_turns, one) < 0)))
        return NULL;
    return spend(&its) < 0 ? NULL : Py_NewRef(Py_None);
}
