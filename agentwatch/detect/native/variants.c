/* variants.py: whether a call that was never made before is only a variant of one that brought the same nothing. */
#include "call.h"

#define W(name) weights[weight_variants_##name]
#define ALIKE(name) likenesses[alike_variants_##name]

/* A call of before beside this one. same: the same answer; counted: the same arguments but for numbers; bins: likeness. */
typedef struct {
    view near;
    int same, counted, bins;
} pair;

/* Weigh "nothing" again; -1 with an exception. */
static int nothing(const sight *its, const window *past, const asked *call, const pair *both, finding *found)
{
    int looks = 0;
    const int mute = call->size == 0 && !is_word(its->status, word_empty);
    if (mute && (looks = says(pure_looks_up, its->event)) < 0)
        return -1;
    if (mute && !looks) {
        if (both->bins >= ALIKE(CLOSE_FROM) && (double)call->arguments.words >= W(SOME_WORDS)) {
            found->faint = 1;
            weigh(found, phrase_stagnation, 0.0, W(CLOSE), phrase_nothing_comes);
        }
    } else if (both->counted) {
        weigh(found, phrase_stagnation, W(COUNTED), 0.0, phrase_numbers_nothing);
    } else {
        weigh(found, phrase_stagnation, 0.0, both->bins >= ALIKE(AKIN_FROM) ? W(EMPTY) : W(WANDERING),
              phrase_changed_nothing);
    }
    const view last = past->near[past->nears - 1];
    const long place = call_before(past, near_digest(both->near, NEAR_CALL), past->count);
    if (near_digest(last, NEAR_TOOL) != call->tool && has_mark_since(past, place, WRITE)) {
        const double used = both->counted || both->bins >= ALIKE(ALIKE_FROM) ? W(HALF) : 0.0;
        found->hard *= used;
        found->soft *= used;
    }
    return 0;
}

static void same_content(const asked *call, const pair *both, finding *found)
{
    const int bins = both->counted ? BINS : both->bins, known = near_arguments(both->near).size != 0;
    if ((double)call->words >= W(MANY_WORDS)) {
        if (bins >= ALIKE(AKIN_FROM) || !(known && call->arguments.sketch.size))
            weigh(found, phrase_stagnation, 0.0, bins >= ALIKE(ALIKE_FROM) ? W(ALIKE) : W(AKIN), phrase_changed_same);
    } else if (bins >= ALIKE(CLOSE_FROM) && (double)call->arguments.words >= W(MANY_WORDS)) {
        found->faint = 1;
        weigh(found, phrase_stagnation, 0.0, W(CLOSE), phrase_changed_same);
    }
}

static void failing_alike(const asked *call, const pair *both, finding *found)
{
    const view near = both->near;
    if (both->counted && both->same)
        weigh(found, phrase_stagnation, W(COUNTED), 0.0, phrase_numbers_failure);
    else if (both->same || near_digest(near, NEAR_RESULT_SHAPE) == call->result_shape)
        weigh(found, phrase_stagnation, 0.0, both->bins >= ALIKE(AKIN_FROM) ? W(STALE) : W(OTHERWISE),
              phrase_changed_failure);
    else if (both->bins >= ALIKE(AKIN_FROM) && likeness(near_answer(near), call->result.sketch) >= ALIKE(ERROR_ALIKE))
        weigh(found, phrase_failure, 0.0, both->bins >= ALIKE(ALIKE_FROM) ? W(ALIKE) : W(AKIN), phrase_alike_failure);
}

static int compare(const sight *its, const window *past, const asked *call, view near, finding *best)
{
    finding found = {.kind = -1, .words = -1};
    const pair both = {near, near_digest(near, NEAR_RESULT) == call->answer,
                       near_digest(near, NEAR_SHAPE) == call->arguments_shape,
                       likeness(near_arguments(near), call->arguments.sketch)};
    if (call->failed) {
        failing_alike(call, &both, &found);
    } else if (both.same && call->empty) {
        if (nothing(its, past, call, &both, &found) < 0)
            return -1;
    } else if (both.same) {
        same_content(call, &both, &found);
    }
    if (found.hard + found.soft > best->hard + best->soft) {
        weigh(best, found.kind, found.hard, found.soft, found.words);
        best->faint = found.faint;
    }
    return 0;
}

static void failing_elsewhere(const asked *call, view near, finding *best)
{
    if (near_digest(near, NEAR_RESULT) != call->answer &&
        likeness(near_answer(near), call->result.sketch) < ALIKE(ELSEWHERE_ALIKE))
        return;
    if (best->hard + best->soft < W(OTHERWISE))
        weigh(best, phrase_failure, 0.0, W(OTHERWISE), phrase_other_tool);
}

/* Weigh a failure of a tool that was not called lately right after another one, where no sketch tells of errors. */
static void tool_after_tool(const window *past, const asked *call, finding *best)
{
    for (long at = 0; at < past->nears; at++)
        if (near_digest(past->near[at], NEAR_TOOL) == call->tool)
            return;
    if (past->nears && near_failed(past->near[past->nears - 1]))
        weigh(best, phrase_failure, 0.0, W(OTHERWISE), phrase_tool_after_tool);
}

int read_variant(const sight *its, const window *past, const asked *call, finding *found)
{
    finding best = {.kind = -1, .words = -1};
    if (!call->has_answer || call->arguments.print == Py_None ||
        ((is_klass(call, klass_ack) || is_klass(call, klass_bare) || is_klass(call, klass_pending)) &&
         !call->failed && !call->empty))
        return 0;
    int any = 0;
    for (long at = past->nears - 1; at >= 0; at--) {
        const view near = past->near[at];
        const uint64_t answer = near_digest(near, NEAR_RESULT);
        if (!call->failed && answer != call->answer)
            continue;
        any = 1;
        if (near_failed(near) != call->failed || !answer)
            continue;
        if (near_digest(near, NEAR_TOOL) == call->tool) {
            if (compare(its, past, call, near, &best) < 0)
                return -1;
        } else if (call->failed && (double)call->words >= W(MANY_WORDS)) {
            failing_elsewhere(call, near, &best);
        }
    }
    if (!any)
        return 0;
    if (call->failed && !call->result.sketch.size && best.kind < 0)
        tool_after_tool(past, call, &best);
    weigh(found, best.kind, best.hard, best.soft, best.words);
    found->faint = best.faint;
    return 0;
}
