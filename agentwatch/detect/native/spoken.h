/* What an agent was told and says now, beside what it spoke before (said.c, spoken.c). */
#ifndef AGENTWATCH_SPOKEN_H
#define AGENTWATCH_SPOKEN_H

#include "slots.h"

typedef struct {
    text told, output;
    view inputs, outputs, prompt, said; /* of what was spoken before: digests, the last prompt's sketch, outputs' */
} spoken_of;

int read_spoken(const sight *its, spoken_of *all); /* 0 for the pure form */
int has_said(view ring, uint64_t digest);

/* The words of what the agent was told, and of what it said; 0 where there is nothing. */
static inline long long told_words(const spoken_of *all) { return all->told.print == Py_None ? 0 : all->told.words; }
static inline long long said_words(const spoken_of *all) { return all->output.print == Py_None ? 0 : all->output.words; }

#endif
