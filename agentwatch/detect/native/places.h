/* Where events belong (places.c), and what is known of it before their turn (ahead.c). */
#ifndef AGENTWATCH_PLACES_H
#define AGENTWATCH_PLACES_H

#include "slots.h"

enum { AHEAD = 5, ROOM = 8 }; /* events that are looked up before their turn, and room for them: a power of two */

/* What an event's names stand for; all of it NULL where one of them stands for nothing yet. */
typedef struct {
    PyObject *app, *agent, *run;
} home;

/* coming: events in the order in which they will be placed, NULL where none are known, and the fingerprints of each; at: the
 * next of them; looked_up: of those before it is known what they belong to, in a ring of references of its own. */
typedef struct {
    PyObject_HEAD
    PyObject *apps, *nothing, *coming, *prints;
    double sweep_s, idle_s, window_s;
    long long most;
    Py_ssize_t at, looked_up;
    home found[ROOM];
} places_of;

/* places.c: borrowed; 0 where the names stand for nothing, or for something of another type */
int find_home(PyObject *apps, PyObject *event, home *found);

extern PyType_Spec places_spec;

/* ahead.c */
const home *expected(places_of *its, PyObject *event); /* what was found for the event whose turn it is; NULL without it */
void look_ahead(places_of *its);
void forget_found(places_of *its);
void forget_coming(places_of *its);

#endif
