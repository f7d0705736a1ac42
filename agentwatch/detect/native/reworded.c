/* reworded.py: whether a call only puts an earlier one into other words. */
#include "call.h"

#define W(name) weights[weight_reworded_##name]
#define ALIKE(name) likenesses[alike_reworded_##name]

/* How many bins of a sketch were not met before; -1 for the pure form. */
static int unmet(const window *past, view sketch, long role)
{
    filter met;
    if (past->familiar == Py_None || !sketch.size)
        return BINS;
    if (!open_filter(past->familiar, &met))
        return -1;
    set_bins(&met, sketch, role);
    return unmet_of(&met, 1);
}

/* Weigh another answer to a like question: the same hits in another order, a page that hardly changes. */
static int answers(const sight *its, const window *past, const asked *call, finding *found, int *odd)
{
    const view asks = call->arguments.sketch, gets = call->result.sketch;
    int answer = 0, question = 0;
    long last = -1;
    if ((double)call->words < W(MANY_WORDS) || !gets.size)
        return 0;
    for (long at = 0; at < past->nears; at++) {
        const view near = past->near[at];
        if (near_digest(near, NEAR_TOOL) != call->tool || near_failed(near) || !near_digest(near, NEAR_RESULT))
            continue;
        const int as_answer = likeness(gets, near_answer(near)), as_question = likeness(asks, near_arguments(near));
        answer = as_answer > answer ? as_answer : answer;
        question = as_question > question ? as_question : question;
        last = at;
    }
    if (last < 0 || answer < ALIKE(AKIN_ANSWERS) || question < ALIKE(AKIN_ARGUMENTS))
        return 0;
    found->akin = 1;
    if (has_mark_since(past, call_before(past, near_digest(past->near[last], NEAR_CALL), past->count), FRESH))
        return 0;
    const int looks = says(pure_looks_up, its->event), asked = unmet(past, asks, limits[limit_asked]);
    const int left = unmet(past, gets, limits[limit_answer]);
    *odd |= asked < 0 || left < 0;
    if (looks < 0 || (!looks && asked > W(ITEM)))
        return looks < 0 ? -1 : 0;
    found->stale = left <= W(LITTLE);
    found->partly = left <= W(SOME);
    if (left <= W(NOTHING))
        weigh(found, phrase_paraphrase, 0.0, W(REWORDED), phrase_nothing_new);
    return 0;
}

/* Weigh a call that is acknowledged as the last was: a batch names something new each time, this does not. */
static void acknowledged(const window *past, const asked *call, finding *found, int *odd)
{
    int most = 0;
    long last = -1;
    for (long at = 0; at < past->nears; at++) {
        const view near = past->near[at];
        if (near_digest(near, NEAR_TOOL) != call->tool || near_digest(near, NEAR_RESULT) != call->answer)
            continue;
        const int alike = likeness(call->arguments.sketch, near_arguments(near));
        most = alike > most ? alike : most;
        last = at;
    }
    if (last < 0 || most < ALIKE(AKIN_FRAME))
        return;
    found->akin = 1;
    if (has_mark_since(past, call_before(past, near_digest(past->near[last], NEAR_CALL), past->count), FRESH))
        return;
    const int left = unmet(past, call->arguments.sketch, limits[limit_asked]);
    *odd |= left < 0;
    const double soft = left <= W(NOTHING)   ? W(REWORDED)
                        : left <= W(RUNS_LOW) ? W(LOW)
                        : left <= W(RUNS_THIN) ? W(THIN)
                                             : 0.0;
    if (soft != 0.0) {
        found->faint = 1;
        weigh(found, phrase_paraphrase, 0.0, soft, phrase_other_words);
    }
}

int read_reworded(const sight *its, const window *past, const asked *call, finding *found, int *odd)
{
    if (!call->has_answer || call->failed || !call->arguments.sketch.size)
        return 0;
    if (is_klass(call, klass_content) && (double)call->words > W(FEW_WORDS))
        return answers(its, past, call, found, odd);
    if ((is_klass(call, klass_content) || is_klass(call, klass_ack) || is_klass(call, klass_bare)) &&
        (double)call->arguments.words >= W(SOME_WORDS))
        acknowledged(past, call, found, odd);
    return 0;
}

static int is_of_one_tool(const window *past)
{
    for (long at = 1; at < past->nears; at++)
        if (near_digest(past->near[at], NEAR_TOOL) != near_digest(past->near[0], NEAR_TOOL))
            return 0;
    return 1;
}

/* Whether most calls from a place on got the answer that the one there got. */
static int are_alike_since(const window *past, long place)
{
    long alike = 0;
    for (long at = place; at < past->count; at++)
        alike += answer_at(past, at) == answer_at(past, place);
    return (double)alike / (double)(past->count - place) >= W(ALL_BUT_A_FEW);
}

void read_out_of_turn(const window *past, const asked *call, long place, long last_lag, finding *found)
{
    const long since = past->count - place;
    found->lag = since;
    if (is_klass(call, klass_pending) || (double)call->words > W(FEW_WORDS) || since <= 1 || since == last_lag)
        return;
    if (has_mark_since(past, place, FRESH) && !is_of_one_tool(past))
        return;
    const int in_turn = place > 0 && call_at(past, place - 1) == call_at(past, past->count - 1);
    if (!in_turn && are_alike_since(past, place)) {
        found->faint = 1;
        weigh(found, phrase_paraphrase, 0.0, is_terse(call) ? W(AGAIN_TERSE) : W(AGAIN), phrase_acknowledged_calls);
    }
}
