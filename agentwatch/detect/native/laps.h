/* The steps that were made lately as C holds them for the time of one event (laps.c). */
#ifndef AGENTWATCH_LAPS_H
#define AGENTWATCH_LAPS_H

#include "slots.h"

enum { SYMBOL = 6, MOST_SYMBOLS = 64, MOST_LAGS = 33, MOST_ASIDE = 2 }; /* SYMBOL: bytes that are kept of one */

/* lags: bytes of `runs`, 0 where nothing came again; waiting: of `aside`; ends: the last step ended the repetition. */
typedef struct {
    uint8_t symbols[(MOST_SYMBOLS + 1) * SYMBOL], runs[MOST_LAGS], aside[(MOST_ASIDE + 1) * SYMBOL];
    size_t size, lags, waiting;
    int best, ends;
} rounds;

int read_rounds(PyObject *laps, rounds *its); /* 0 for the pure form */
void take_round_step(rounds *its, uint64_t step);
int write_rounds(PyObject *laps, const rounds *its); /* -1 with an exception */
int is_back(const rounds *its, int lag, uint64_t step);

#endif
