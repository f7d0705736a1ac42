/* A tool call as C holds it for the time of one event: what it asked and got, the window before it, what it means. */
#ifndef AGENTWATCH_CALL_H
#define AGENTWATCH_CALL_H

#include "familiar.h"
#include "phrases.h"

/* A call (asked.c). klass: of the answer, NULL where there is none, which may be told by an error or a status alone.
 * answer: its digest, 0 where there is none; logged: the log holds it. */
typedef struct {
    text arguments, result;
    PyObject *klass, *numbers; /* numbers may be NULL */
    uint64_t tool, call, answer, arguments_shape, result_shape;
    long long words, size;
    int failed, empty, has_answer, logged;
} asked;
int read_asked(const sight *its, asked *call); /* 0 for the pure form */
static inline int is_klass(const asked *call, int klass) { return call->klass == klasses[klass]; }

/* What was called before (history.py): the ring of calls, and the latest distinct ones (near.py). */
enum { MOST_NEAR = 16 };
typedef struct {
    view calls, near[MOST_NEAR];
    long count, nears;
    double base, now;
    PyObject *familiar;
} window;
int read_window(const sight *its, window *past); /* 0 for the pure form */
uint64_t call_at(const window *past, long place);
uint64_t answer_at(const window *past, long place);
double time_at(const window *past, long place);
long call_before(const window *past, uint64_t call, long place); /* -1: none */
long call_from(const window *past, uint64_t call, long place);
int has_mark_since(const window *past, long place, int mark);
int had_answer(const window *past, uint64_t answer);
int is_novel(const sight *its, const window *past, const asked *call);

static inline uint64_t near_digest(view near, int at) { return load64(near.at + at); }
static inline int near_failed(view near) { return (near.at[NEAR_MARKS] & NEAR_FAILED) != 0; }
static inline int near_moved(view near)
{
    return near.at[NEAR_MARKS] & NEAR_UP ? 1 : near.at[NEAR_MARKS] & NEAR_DOWN ? -1 : 0;
}
view near_arguments(view near);
size_t near_numbers(view near, double *out);                              /* as many as are kept at most */
int direction(const double *before, size_t count, PyObject *after, int *odd); /* of the first number that changed */
PyObject *near_with(view ring, const asked *call); /* with this call at its end; NULL, without an exception for pure */
int likeness(view one_sketch, view other);                                /* in bins; 0 where one has none */

/* What a call means (reading.py: `Reading`). kind and words: -1 for none. */
enum { MOST_AGAINST = 5 };
typedef struct {
    int kind, words, against[MOST_AGAINST], against_count;
    double hard, soft;
    int novel, parallel, poll, faint, writes, fresh, akin, stale, partly;
    long apart, lag;
} finding;
static inline void weigh(finding *found, int kind, double hard, double soft, int words)
{
    found->kind = kind;
    found->hard = hard;
    found->soft = soft;
    found->words = words;
}
static inline void speak_against(finding *found, int words)
{
    if (found->against_count < MOST_AGAINST)
        found->against[found->against_count++] = words;
}

/* Ask the pure form what a name or a text says: 1 or 0, or -1 with an exception. */
int says(int function, PyObject *given);

/* These return -1 with an exception, else 0; `odd` where the pure form must tell. */
int read_again(const sight *its, const window *past, const asked *call, long place, finding *found, int *odd);
int read_variant(const sight *its, const window *past, const asked *call, finding *found);
int read_reworded(const sight *its, const window *past, const asked *call, finding *found, int *odd);
void read_out_of_turn(const window *past, const asked *call, long place, long last_lag, finding *found);
static inline int is_terse(const asked *call)
{
    return call->arguments.print == Py_None || (double)call->arguments.words < weights[weight_variants_SOME_WORDS];
}

#endif
