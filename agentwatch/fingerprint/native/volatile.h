/* The rules that say which runs of a chunk are volatile (volatile.py has them in words).
 *
 * A chunk is a run of letters, digits and joints; runs are what is left when it is split at its joints.
 */
#ifndef AGENTWATCH_VOLATILE_H
#define AGENTWATCH_VOLATILE_H

#include "bytes.h"

#define WINDOW 6 /* the runs that a rule may look at */

enum { NONE, PLAIN, EPOCH, ADDRESS, CLOCK, STAMP };

typedef struct {
    span runs[WINDOW];
    char joints[WINDOW + 1]; /* the one at i follows the run at i; ends in '\0' */
    int count;
} window;

typedef struct {
    int runs; /* how many it takes; 0 is no match */
    int kind;
    int kept; /* how many of the first runs stay */
} match;

static inline int is_joint(uint8_t byte) { return byte == '-' || byte == ':' || byte == '.' || byte == '_'; }
static inline int is_hex_letter(uint8_t byte) { return within(byte, 'a', 'f') || within(byte, 'A', 'F'); }

/* Compare a run with a pattern in which each `0` stands for any digit, and every letter for itself. */
int is_like(view text, span run, const char *pattern);

/* Look at up to six runs from `start` on, within a chunk that ends at `end`. */
void look(view text, size_t start, size_t end, window *seen);

/* Try the rules in their order at the first run; the first that fits takes its runs. */
match fitting(view text, const window *seen);

#endif
