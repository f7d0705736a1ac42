/* What is looked at to tell whether a detector has anything to do with an event (watchers.c), and what is counted. */
#ifndef AGENTWATCH_WATCHERS_H
#define AGENTWATCH_WATCHERS_H

#include "slots.h"

/* Borrowed references, all of their types; `said` and `seldom` may be None. */
typedef struct {
    PyObject *seen, *scope, *event, *prints, *run, *root, *agent, *app, *history, *reading;
    PyObject *op, *status, *trigger, *said, *seldom;
} glance;

/* watchers.c: `is_mute` tells whether a detector has nothing to say, by what it would look at first; `is_done` gives 1
 * where it has nothing to learn or that is done there, 0 where it must be told, or -1. */
int glance_at(PyObject *seen, PyObject *scope, glance *its); /* 0 where not all is of its type */
int is_mute(int watcher, const glance *its, PyObject *options);
int is_done(int watcher, const glance *its, PyObject *options);

/* counts.c: 1 when the event is counted or there is nothing to count, 0 where the detector must be asked, -1 */
int add_to_pace(const glance *its, PyObject *options);
int add_to_manner(const glance *its, PyObject *options);

#endif
