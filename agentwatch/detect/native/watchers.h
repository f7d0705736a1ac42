/* What is looked at to tell whether a detector has anything to do with an event (watchers.c), and what is counted. */
#ifndef AGENTWATCH_WATCHERS_H
#define AGENTWATCH_WATCHERS_H

#include "slots.h"

/* Borrowed references, all of their types; `said` and `seldom` may be None. */
typedef struct {
    PyObject *seen, *scope, *event, *prints, *run, *root, *agent, *app, *history, *reading;
    PyObject *op, *status, *trigger, *said, *seldom;
} glance;

/* counts.c: 1 when the event is counted or there is nothing to count, 0 where the detector must be asked, -1 */
int add_to_pace(const glance *its, PyObject *options);
int add_to_manner(const glance *its, PyObject *options);

#endif
