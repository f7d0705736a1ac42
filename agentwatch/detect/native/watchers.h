/* What is looked at to tell whether a detector has anything to do with an event (watchers.c), and what is counted. */
#ifndef AGENTWATCH_WATCHERS_H
#define AGENTWATCH_WATCHERS_H

#include "slots.h"

/* Borrowed references, all of their types; `said` and `seldom` may be None. */
typedef struct {
    PyObject *seen, *scope, *event, *prints, *run, *root, *agent, *app, *history, *reading;
    PyObject *op, *status, *trigger, *said, *seldom;
} glance;

int glance_at(PyObject *seen, PyObject *scope, glance *its); /* watchers.c; 0 where not all is of its type */

/* counts.c: 1 when the event is counted or there is nothing to count, 0 where the detector must be asked, -1 */
int add_to_pace(const glance *its, PyObject *options);
int add_to_manner(const glance *its, PyObject *options);

/* mute.c: whether a detector has nothing to say of the event, by what it would look at first */
int is_mute(int watcher, const glance *its, PyObject *options);

/* done.c: whether a detector is done with the event: 1 where it has nothing to learn or that is done here, 0, or -1 */
int is_done(int watcher, const glance *its, PyObject *options);

/* slow.py: whether the event names nothing that may come again; -1 where the pure form must tell */
int has_no_keys(const glance *its);
/* hitters.c: whether its prompt is none of which anything is remembered, or came just now; and a prompt taken in: 1, 0, -1 */
int is_new_here(const glance *its, PyObject *options);
int take_prompt(const glance *its, PyObject *options);
/* jobs.c: the job that an event begins, 0 for the pure form; whether nothing is known of it; a start of it: 1, 0, -1 */
int job_key(const glance *its, uint64_t *key);
int is_no_known_job(const glance *its);
int begin_job(const glance *its, PyObject *options);
/* waking.c: who woke the agent, and what it spent, taken in: 1, 0, -1 */
int take_waking(const glance *its);
/* brood.c: a descendant taken in: 1, 0, -1; and whether a tree is surely too small to be told of */
int take_child(const glance *its);
int is_small_brood(const glance *its, PyObject *options);
/* exchange.c: what is said in a tree of several taken in: 1, 0, -1 */
int take_message(const glance *its);
/* spawn.py: whether the event tells nothing of a descendant */
int is_no_child(const glance *its);

/* Whether a map or a list holds nothing, or there is none. */
static inline int is_none(PyObject *given)
{
    return given == Py_None || (PyDict_CheckExact(given) && PyDict_Size(given) == 0);
}

static inline int is_alone_in_tree(const glance *its)
{
    PyObject *const root = get(its->run, RunState_root), *const run = get(its->run, RunState_run);
    return root == run || (PyUnicode_Check(root) && PyUnicode_Check(run) && PyUnicode_Compare(root, run) == 0);
}

#endif
