/* A step whose members are still coming in, and what an event does to it (steps.c). */
#ifndef AGENTWATCH_STEPS_H
#define AGENTWATCH_STEPS_H

#include "slots.h"

/* What is made of the open step. References are borrowed; members NULL: there are none. closed: oldest first. */
typedef struct {
    PyObject *open, *number, *members;
    uint64_t chat, symbol, closed[2];
    int count, joins, is_now;
} entering;

int enter_step(const sight *its, PyObject *open, uint64_t symbol, entering *made); /* 0 for the pure form */
int write_step(const sight *its, const entering *made);                            /* -1 with an exception */

#endif
