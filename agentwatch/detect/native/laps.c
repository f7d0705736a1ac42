/* cycle.py: for each lag, how many steps in a row equalled the one a lag back; and the steps set aside within a round. */
#include "laps.h"

#define MOST_TIMES 255

static void to_symbol(uint8_t *out, uint64_t step)
{
    uint8_t whole[8];
    store64(whole, step);
    memcpy(out, whole, SYMBOL);
}

static int is_at(const rounds *its, size_t back, const uint8_t *symbol)
{
    return memcmp(its->symbols + its->size - back * SYMBOL, symbol, SYMBOL) == 0;
}

int is_back(const rounds *its, int lag, uint64_t step)
{
    uint8_t symbol[SYMBOL];
    to_symbol(symbol, step);
    return is_at(its, (size_t)lag, symbol);
}

int read_rounds(PyObject *laps, rounds *its)
{
    int odd = 0;
    const view symbols = bytes_in(get(laps, Laps_symbols), &odd), runs = bytes_in(get(laps, Laps_runs), &odd);
    const view aside = bytes_in(get(laps, Laps_aside), &odd);
    const long long best = whole_of(get(laps, Laps_best), &odd);
    const size_t lags = (size_t)limits[limit_max_lag] + 1;
    if (odd || lags > MOST_LAGS || (size_t)limits[limit_symbols] > MOST_SYMBOLS ||
        symbols.size > (size_t)limits[limit_symbols] * SYMBOL || symbols.size % SYMBOL ||
        (runs.size && runs.size != lags) || aside.size % SYMBOL || aside.size > MOST_ASIDE * SYMBOL)
        return 0;
    if (best < 0 || best >= (long long)lags || (best && !runs.size) || (size_t)best * SYMBOL > symbols.size ||
        (!runs.size && get(laps, Laps_streak) != Py_None))
        return 0;
    *its = (rounds){.size = symbols.size, .lags = runs.size, .waiting = aside.size, .best = (int)best};
    memcpy(its->symbols, symbols.at, symbols.size);
    memcpy(its->runs, runs.at, runs.size);
    memcpy(its->aside, aside.at, aside.size);
    return 1;
}

static void end_all(rounds *its)
{
    its->lags = 0;
    its->best = 0;
    its->ends = 1;
}

static uint8_t more(uint8_t times) { return times < MOST_TIMES ? times + 1 : MOST_TIMES; }

/* Lengthen the runs of those lags at which this symbol stood before, and end all others. */
static void lengthen(rounds *its, const uint8_t *symbol)
{
    const size_t lags = (size_t)limits[limit_max_lag] + 1;
    uint8_t runs[MOST_LAGS] = {0};
    int best = 0;
    size_t lag = 1;
    if (its->lags && its->runs[1] && its->size && is_at(its, 1, symbol)) {
        const size_t same = (size_t)its->runs[1] + 1 < lags ? (size_t)its->runs[1] + 1 : lags - 1;
        for (; lag <= same; lag++) /* that many before were equal to this one, too: the usual loop */
            runs[lag] = more(its->runs[lag]);
        best = 1;
    }
    for (; lag < lags && lag * SYMBOL <= its->size; lag++)
        if (is_at(its, lag, symbol)) {
            runs[lag] = its->lags ? more(its->runs[lag]) : 1;
            if (!best || runs[lag] > runs[best])
                best = (int)lag;
        }
    if (!best) {
        if (its->lags)
            end_all(its);
        return;
    }
    its->lags = lags;
    memcpy(its->runs, runs, lags);
    its->best = best == 1 ? 0 : best;
    its->ends |= !its->best;
}

static void append(rounds *its, const uint8_t *symbol)
{
    lengthen(its, symbol);
    if (its->size >= (size_t)limits[limit_symbols] * SYMBOL) {
        memmove(its->symbols, its->symbols + SYMBOL, its->size - SYMBOL);
        its->size -= SYMBOL;
    }
    memcpy(its->symbols + its->size, symbol, SYMBOL);
    its->size += SYMBOL;
}

void take_round_step(rounds *its, uint64_t step)
{
    uint8_t symbol[SYMBOL];
    to_symbol(symbol, step);
    its->ends = 0;
    const int lag = its->best;
    if (!lag || its->runs[lag] < lag || is_at(its, (size_t)lag, symbol)) {
        its->waiting = 0;
        append(its, symbol);
        return;
    }
    memcpy(its->aside + its->waiting, symbol, SYMBOL);
    its->waiting += SYMBOL;
    const size_t allowed = its->runs[lag] < limits[limit_patient_from] ? 1 : 2, waiting = its->waiting;
    if (waiting <= allowed * SYMBOL)
        return;
    its->waiting = 0;
    for (size_t at = 0; at < waiting; at += SYMBOL)
        append(its, its->aside + at);
    its->ends = 1;
}

/* Put bytes into a field where they are others than those there. */
static int put_bytes(PyObject *laps, int field, const uint8_t *at, size_t size)
{
    int odd = 0;
    const view before = bytes_in(get(laps, field), &odd);
    if (before.size == size && memcmp(before.at, at, size) == 0)
        return 0;
    PyObject *const made = PyBytes_FromStringAndSize((const char *)at, (Py_ssize_t)size);
    if (made == NULL)
        return -1;
    put(laps, field, made);
    return 0;
}

int write_rounds(PyObject *laps, const rounds *its)
{
    PyObject *const best = PyLong_FromLong(its->best);
    if (best == NULL)
        return -1;
    put(laps, Laps_best, best);
    return put_bytes(laps, Laps_symbols, its->symbols, its->size) < 0 ||
                   put_bytes(laps, Laps_runs, its->runs, its->lags) < 0 ||
                   put_bytes(laps, Laps_aside, its->aside, its->waiting) < 0
               ? -1
               : 0;
}
