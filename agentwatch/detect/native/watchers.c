/* What is looked at to tell which detectors an event concerns: those that could neither say nor learn anything of it are
 * not asked (mute.c) and not told (done.c).
 */
#include "watchers.h"

int glance_at(PyObject *seen, PyObject *scope, glance *its)
{
    sight known;
    if (!look(seen, scope, &known))
        return 0;
    *its = (glance){.seen = seen,
                    .scope = scope,
                    .event = known.event,
                    .prints = known.prints,
                    .run = known.run,
                    .root = known.root,
                    .history = known.history,
                    .op = known.op,
                    .status = known.status,
                    .agent = get(scope, Scope_agent),
                    .app = get(scope, Scope_app),
                    .reading = get(scope, Scope_reading)};
    if (!is(its->agent, AgentState_) || !is(its->app, AppState_) || !is(its->reading, Reading_))
        return 0;
    its->trigger = get(its->event, Event_trigger);
    its->said = get(its->reading, Reading_said);
    its->seldom = get(its->run, RunState_seldom);
    return (its->said == Py_None || is(its->said, Said_)) && (its->seldom == Py_None || is(its->seldom, Seldom_));
}
