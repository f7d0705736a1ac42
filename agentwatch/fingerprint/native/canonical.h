/* canonical.py, as far as the compiled form does it: a text folded, without a copy where nothing changes. */
#ifndef AGENTWATCH_CANONICAL_H
#define AGENTWATCH_CANONICAL_H

#include "measure.h"
#include "module.h"

/* Fold UTF-8, or a string, into a view of it or of the room. 0 where the pure form must do it, with an exception only
 * where something is wrong. */
int fold_view(view *text, int ascii, scratch *room);
int fold_text(PyObject *given, view *text, scratch *room);

/* The numbers of a text as a tuple of Python's; NULL with an exception. */
PyObject *numbers_of(const figures *its);

#endif
