/* What counts events of which nothing follows but sums: made and opened in tally.c, counting in sums.c. */
#ifndef AGENTWATCH_TALLY_H
#define AGENTWATCH_TALLY_H

#include "slots.h"

/* Of lines of the ledger, runs that are active and their outcomes, in this order in `Tally`. */
enum { LINE, RUN, OUTCOME, KINDS };
enum { TENANT, TEAM, APP, MODEL, SINCE, UNTIL, BATCH, ROW, RUN_AT, RUN_RULE, OUTCOME_AT, OUTCOME_FAILED, SPOTS };

/* names: that something is known about. latest to moment: of one batch, NULL between two. */
typedef struct {
    PyObject_HEAD
    PyTypeObject *kinds[KINDS];
    Py_ssize_t spots[SPOTS];
    PyObject *names, *latest, *begun, *batch, *runs, *outcomes, *move_run, *move_outcome, *moment;
    Py_ssize_t most;
    double now, active_s, outcome_s;
} tally;

/* sums.c: -1 with an exception */
enum { LEFT, COUNTED, GATE_LEFT };
int count_event(const tally *all, PyObject *seen, PyObject *scope, PyObject *rule);

extern PyType_Spec tally_spec;

#endif
