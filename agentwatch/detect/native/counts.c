/* rate.py and cohort.py: an event counted into what its agent does a minute, and how it goes about its work. */
#include "watchers.h"

#define MOST (1LL << 52) /* so that sums neither overflow nor lose anything as floats */

static long long amount_of(PyObject *given, int *odd)
{
    const long long found = given == Py_None ? 0 : whole_of(given, odd);
    *odd |= found > MOST || found < -MOST;
    return found;
}

static long long tokens_of(const glance *its, int *odd)
{
    return amount_of(get(its->event, Event_input_tokens), odd) + amount_of(get(its->event, Event_output_tokens), odd);
}

/* Whether the agent has done so little that nothing is kept of it. */
static int is_quiet(const glance *its, long long least, int *odd)
{
    return whole_of(get(its->agent, AgentState_events), odd) < least;
}

int add_to_pace(const glance *its, PyObject *options)
{
    int odd = 0;
    PyObject *const pace = get(its->agent, AgentState_pace);
    if (!is(options, RateOptions_))
        return 0;
    if (pace == Py_None)
        return is_quiet(its, whole_of(get(options, RateOptions_min_buckets), &odd), &odd) && !odd;
    if (!is(pace, Pace_))
        return 0;
    const double bucket_s = real_of(get(options, RateOptions_bucket_s), &odd);
    const double now = real_of(get(its->seen, Observation_now), &odd);
    if (odd || !(bucket_s >= 1.0 && bucket_s < 1e9) || bucket_s != (double)(int64_t)bucket_s || !(now >= 0.0 && now < 1e15))
        return 0; /* in whole seconds alone is a bucket found without a remainder */
    const long long bucket = (int64_t)now / (int64_t)bucket_s;
    const long long calls = amount_of(get(pace, Pace_calls), &odd) + 1, added = tokens_of(its, &odd);
    const long long cost = amount_of(get(its->seen, Observation_cost_nusd), &odd);
    const long long tokens = amount_of(get(pace, Pace_tokens), &odd) + added;
    const long long spent = amount_of(get(pace, Pace_cost_nusd), &odd) + cost;
    if (whole_of(get(pace, Pace_bucket), &odd) != bucket || odd)
        return 0;
    PyObject *const made[] = {PyLong_FromLongLong(calls), PyLong_FromLongLong(tokens), PyLong_FromLongLong(spent)};
    if (made[0] == NULL || made[1] == NULL || made[2] == NULL) {
        for (int at = 0; at < 3; at++)
            Py_XDECREF(made[at]);
        return -1;
    }
    put(pace, Pace_calls, made[0]);
    put(pace, Pace_tokens, made[1]);
    put(pace, Pace_cost_nusd, made[2]);
    return 1;
}

/* against.py: whether the event tells of a failure, by its status or by what its result reads like */
static int has_failed(const glance *its, int *odd)
{
    if (is_word(its->status, word_error) || is_word(its->status, word_denied))
        return 1;
    if (its->status != Py_None)
        return 0;
    const text result = text_of(get(its->prints, Prints_result), odd);
    return has_text(get(its->event, Event_error)) ||
           (result.print != Py_None && get(result.print, Fingerprint_klass) == klasses[klass_error]);
}

/* Add to a number of a manner; the old one is kept where nothing is added. -1 with an exception. */
static int increase(PyObject *manner, int field, double amount)
{
    int odd = 0;
    if (amount == 0.0)
        return 0;
    PyObject *const sum = PyFloat_FromDouble(real_of(get(manner, field), &odd) + amount);
    if (sum == NULL)
        return -1;
    put(manner, field, sum);
    return 0;
}

static const int summed[] = {Manner_span_s, Manner_events, Manner_tokens, Manner_usd,
                             Manner_failed, Manner_stale,  Manner_fresh};
enum { SUMS = sizeof summed / sizeof summed[0] };

int add_to_manner(const glance *its, PyObject *options)
{
    int odd = 0;
    PyObject *const manner = get(its->agent, AgentState_manner), *const now = get(its->seen, Observation_now);
    if (!is(options, CohortOptions_))
        return 0;
    if (manner == Py_None)
        return is_quiet(its, whole_of(get(options, CohortOptions_least_events), &odd) / 2, &odd) && !odd;
    if (!is(manner, Manner_))
        return 0;
    const double rest_s = real_of(now, &odd) - real_of(get(manner, Manner_last), &odd);
    const double longest_s = (double)limits[limit_manner_rest];
    const int called = get(its->reading, Reading_call) != zero, silent = its->said == Py_None;
    const int failed = called ? truth_of(get(its->reading, Reading_failed), &odd) : has_failed(its, &odd);
    const int stale = has_text(get(its->reading, Reading_kind)) ||
                      (!silent && real_of(get(its->said, Said_weight), &odd) > 0.0);
    const int fresh = truth_of(get(its->reading, Reading_novel), &odd) ||
                      (!silent && truth_of(get(its->said, Said_new), &odd));
    const double added[SUMS] = {!(rest_s > 0.0) ? 0.0 : rest_s < longest_s ? rest_s : longest_s,
                                1.0,
                                (double)tokens_of(its, &odd),
                                (double)amount_of(get(its->seen, Observation_cost_nusd), &odd) / 1e9,
                                failed,
                                stale,
                                fresh};
    for (int at = 0; at < SUMS; at++)
        (void)real_of(get(manner, summed[at]), &odd);
    if (odd || real_of(get(manner, Manner_events), &odd) + 1.0 >= (double)limits[limit_manner_full])
        return 0; /* it is halved then */
    for (int at = 0; at < SUMS; at++)
        if (increase(manner, summed[at], added[at]) < 0)
            return -1;
    put_same(manner, Manner_last, now);
    return 1;
}
