/* calls.py and backoff.py: the same call again, by its answer, what lies between, and the time that went by. */
#include "call.h"

#define W(name) weights[weight_calls_##name]
#define POLL_GAP_S weights[weight_against_POLL_GAP_S]

/* What is known of two equal calls. */
typedef struct {
    const view *near; /* NULL: it is none of the latest distinct calls */
    long place;
    uint64_t earlier;
    double gap_s, base;
    int adjacent, third, terse, short_;
} again;

static const view *same_call(const window *past, uint64_t call)
{
    for (long at = 0; at < past->nears; at++)
        if (near_digest(past->near[at], NEAR_CALL) == call)
            return &past->near[at];
    return NULL;
}

static int times_answered(const window *past, uint64_t call, uint64_t answer, long place)
{
    int count = 0;
    for (long at = place; at >= 0 && count < 2; at = call_before(past, call, at))
        count += answer_at(past, at) == answer;
    return count;
}

static int backs_off(const window *past, uint64_t call, long place, double gap_s)
{
    if (gap_s < weights[weight_backoff_LEAST_S])
        return 0;
    const long first = call_before(past, call, place);
    if (first < 0)
        return 0;
    const double last_s = time_at(past, place) - time_at(past, first);
    const long second = call_before(past, call, first);
    if (second < 0)
        return gap_s >= weights[weight_backoff_LONGER] * last_s;
    const double earlier_s = time_at(past, first) - time_at(past, second);
    if (earlier_s <= last_s && last_s <= gap_s)
        return gap_s >= weights[weight_backoff_RISING] * earlier_s;
    return gap_s >= weights[weight_backoff_STEEP] * earlier_s && gap_s >= weights[weight_backoff_JITTER] * last_s;
}

static int has_slowed(const window *past, uint64_t call, double gap_s)
{
    const long first = call_from(past, call, 0), second = first >= 0 ? call_from(past, call, first + 1) : -1;
    return second >= 0 &&
           gap_s >= weights[weight_backoff_SLOWED] * (time_at(past, second) - time_at(past, first));
}

static void halve(finding *found)
{
    found->hard *= W(HALF);
    found->soft *= W(HALF);
}

/* Raise to the third power as Python does, whose last bit is another than that of two products. */
static double cubed(double given)
{
    PyObject *const base = PyFloat_FromDouble(given), *const three = PyLong_FromLong(3);
    PyObject *const power = base == NULL || three == NULL ? NULL : PyNumber_Power(base, three, Py_None);
    const double found = power == NULL ? -1.0 : PyFloat_AsDouble(power);
    Py_XDECREF(base);
    Py_XDECREF(three);
    Py_XDECREF(power);
    return found;
}

/* Weigh a poll that comes too soon; -1 with an exception. */
static int pending_again(const again *its, finding *found)
{
    if (its->gap_s < W(SPIN_GAP_S)) {
        weigh(found, phrase_repeat, its->adjacent ? W(TERSE) : 0.0, 0.0, phrase_spin);
    } else if (its->adjacent) {
        found->faint = 1;
        weigh(found, phrase_repeat, 0.0, W(TERSE) * cubed(1.0 - its->gap_s / POLL_GAP_S), phrase_pending_again);
    }
    return PyErr_Occurred() ? -1 : 0;
}

static int is_quiet(const asked *call)
{
    return is_klass(call, klass_ack) || is_klass(call, klass_empty) || is_klass(call, klass_bare) ||
           is_klass(call, klass_pending);
}

static void same_answer(const asked *call, const again *its, finding *found)
{
    if (call->failed)
        weigh(found, phrase_failure, W(SAME) * its->base, 0.0, phrase_same_error);
    else if (!is_quiet(call) && !call->empty)
        weigh(found, phrase_repeat, W(SAME) * its->base, 0.0, phrase_same_answer);
    else if (!its->adjacent && !its->terse && call->empty)
        weigh(found, phrase_repeat, 0.0, W(SILENT) * its->base, phrase_same_empty);
    else if (its->adjacent)
        weigh(found, phrase_repeat, !its->terse ? W(SILENT) : its->third ? W(TERSE) : W(TERSE) * W(HALF), 0.0,
              phrase_empty_in_a_row);
}

/* Whether the numbers of the answer go on in one direction; `odd` where one is none. */
static int goes_on(const asked *call, const view *near, int *odd)
{
    double before[MOST_NUMBERS];
    const size_t count = near_numbers(*near, before);
    const int now = direction(before, count, call->numbers, odd);
    return now && (near_moved(*near) == 0 || near_moved(*near) == now);
}

static void other_answer(const sight *sees, const window *past, const asked *call, const again *its, finding *found,
                         int *odd)
{
    const int went_on = !its->adjacent && has_mark_since(past, its->place, FRESH);
    if (!is_novel(sees, past, call)) {
        weigh(found, phrase_repeat, 0.0, W(FLIPPED), phrase_had_before);
    } else if (its->near != NULL && !near_failed(*its->near) && !went_on && (double)call->words >= W(MANY_WORDS)) {
        if (goes_on(call, its->near, odd)) {
            found->against_count = 0;
            speak_against(found, phrase_answer_moves);
        } else if (likeness(near_answer(*its->near), call->result.sketch) >= likenesses[alike_calls_NEARLY_SAME]) {
            found->faint = 1;
            weigh(found, phrase_repeat, 0.0, W(FLIPPED), phrase_nearly_same);
        }
    }
}

static void other_failure(const asked *call, const again *its, finding *found, int *odd)
{
    double base = its->base;
    if (its->near == NULL || !near_failed(*its->near))
        return;
    const view near = *its->near, sketch = call->result.sketch;
    if (near_digest(near, NEAR_RESULT_SHAPE) != call->result_shape &&
        likeness(near_answer(near), sketch) < likenesses[alike_variants_ERROR_ALIKE]) {
        if (its->adjacent && !sketch.size) {
            weigh(found, phrase_failure, 0.0, W(UNKNOWN_ERROR) * base, phrase_fails_in_a_row);
            return;
        }
        found->against_count = 0;
        speak_against(found, phrase_says_else);
        weigh(found, phrase_failure, 0.0, W(OTHER_ERROR) * base, phrase_fails_again);
        return;
    }
    if (goes_on(call, its->near, odd)) {
        found->against_count = 0;
        speak_against(found, phrase_error_moves);
        base *= W(MOVING);
    }
    weigh(found, phrase_failure, W(SAME) * base, 0.0, phrase_fails_alike);
}

/* Weigh by what was called between and by the pace: -1 with an exception. */
static int discount(const sight *sees, const window *past, const asked *call, const again *its, finding *found)
{
    const double gap_s = its->gap_s;
    if (found->kind < 0)
        return 0;
    if (!its->adjacent && has_mark_since(past, its->place, WRITE)) {
        halve(found);
        speak_against(found, phrase_changed_between);
    }
    if (backs_off(past, call->call, its->place, gap_s)) {
        found->soft = (found->soft + found->hard) * (gap_s < POLL_GAP_S ? W(PATIENT) : 0.0);
        found->hard = 0.0;
        found->faint = 1;
        speak_against(found, phrase_waits_longer);
        return 0;
    }
    const double pace_s = gap_s / (double)found->apart;
    if (gap_s >= POLL_GAP_S && its->terse && its->short_ && !call->failed) {
        const int acting = says(pure_acts, get(sees->event, Event_tool));
        const double most = acting > 0 ? W(PRESSED) : W(IDLE), all = found->hard + found->soft;
        found->hard = 0.0;
        found->soft = all < most ? all : most;
        speak_against(found, phrase_at_leisure);
        return acting < 0 ? -1 : 0;
    }
    if (pace_s >= W(SLOW_GAP_S)) {
        const int patient = call->failed || has_slowed(past, call->call, gap_s);
        found->soft = (found->soft + found->hard) * (patient ? W(PATIENT) : W(HALF)) / (double)found->apart;
        found->hard = 0.0;
        found->faint = 1;
        speak_against(found, phrase_minute_apart);
    } else if (pace_s >= W(BRISK_S)) {
        const double unhurried = pace_s >= POLL_GAP_S ? W(HALF) : W(QUARTER);
        const int early = its->near == NULL || (double)its->near->at[NEAR_SAME] <= W(FEW);
        const double waited = early && call->failed && gap_s >= POLL_GAP_S ? W(WAITED) : 1.0;
        found->soft = (found->soft + found->hard * unhurried) * waited;
        found->hard *= 1.0 - unhurried;
    }
    return 0;
}

static again between(const window *past, const asked *call, long place, const finding *found)
{
    again its = {.near = same_call(past, call->call), .place = place, .earlier = answer_at(past, place)};
    its.adjacent = place == past->count - 1;
    its.gap_s = past->now - time_at(past, place);
    its.third = (its.near != NULL && its.near->at[NEAR_SAME] >= 2) ||
                times_answered(past, call->call, its.earlier, place) >= 2;
    const double nearby = W(NEARBY) / (double)found->apart;
    its.base = its.adjacent || its.third ? 1.0 : W(AGAIN) * (nearby < 1.0 ? nearby : 1.0);
    its.terse = is_terse(call);
    its.short_ = call->has_answer && (double)call->words < weights[weight_variants_SOME_WORDS];
    if (its.short_ && !its.adjacent && !call->failed && has_mark_since(past, place, FRESH))
        its.base *= W(BETWEEN);
    return its;
}

/* Halve what fails because the other side is busy; -1 with an exception. */
static int spare_the_busy(const sight *sees, finding *found)
{
    PyObject *const error = get(sees->event, Event_error), *const result = get(sees->event, Event_result);
    PyObject *const said = has_text(error) ? error : result;
    if (!has_text(said))
        return 0;
    PyObject *const head = PyUnicode_Substring(said, 0, (Py_ssize_t)weights[weight_backoff_HEAD]);
    const int busy = head == NULL ? -1 : says(pure_is_busy, head);
    Py_XDECREF(head);
    if (busy > 0) {
        halve(found);
        speak_against(found, phrase_busy);
    }
    return busy < 0 ? -1 : 0;
}

int read_again(const sight *sees, const window *past, const asked *call, long place, finding *found, int *odd)
{
    const double gap_s = past->now - time_at(past, place);
    if (call->has_answer && is_klass(call, klass_pending) && gap_s >= POLL_GAP_S) {
        found->poll = 1;
        speak_against(found, phrase_poll);
        return 0;
    }
    found->apart = past->count - place;
    const again its = between(past, call, place, found);
    if (!call->has_answer) {
        if (!its.earlier)
            weigh(found, phrase_repeat, 0.0, (its.terse ? W(TERSE) : W(UNLOGGED)) * its.base, phrase_unknown_answers);
    } else if (call->answer == its.earlier) {
        if (!is_klass(call, klass_pending))
            same_answer(call, &its, found);
        else if (pending_again(&its, found) < 0)
            return -1;
    } else if (call->failed) {
        other_failure(call, &its, found, odd);
        if (call->logged && get(sees->event, Event_result) == Py_None && has_mark_since(past, place, WRITE))
            halve(found);
    } else if (is_klass(call, klass_content)) {
        other_answer(sees, past, call, &its, found, odd);
    }
    if (call->arguments.print == Py_None) {
        found->soft = (found->hard + found->soft) * W(UNNAMED);
        found->hard = 0.0;
        speak_against(found, phrase_no_arguments);
    }
    if (call->failed && spare_the_busy(sees, found) < 0)
        return -1;
    return discount(sees, past, call, &its, found);
}
