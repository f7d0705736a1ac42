/* spawn.py and brood.py: what an event tells of a descendant, in a tree that has some already. */
#include "watchers.h"

#define W(name) weights[weight_spawn_##name]
#define MOST_TENTHS 4294967295.0

enum { TIME = 4 };

/* A prompt beside those that were told of before on one side. */
typedef struct {
    PyObject *line;
    text prompt; /* none: the side is not told of anything */
    uint64_t exact, shape;
    double equal, alike;
    PyObject *step; /* borrowed */
} teller;

static int is_ring(PyObject *ring, Py_ssize_t entry)
{
    return PyByteArray_CheckExact(ring) && PyByteArray_Size(ring) % entry == 0;
}

static view ring_of(PyObject *ring)
{
    return (view){(const uint8_t *)PyByteArray_AsString(ring), (size_t)PyByteArray_Size(ring)};
}

static int holds(PyObject *ring, uint64_t digest) { return has_digest(ring_of(ring), DIGEST, 0, digest); }

/* Append to a ring that holds at most so many entries; -1 with an exception. */
static int push(PyObject *ring, const uint8_t *entry, Py_ssize_t size, double most)
{
    Py_ssize_t held = PyByteArray_Size(ring);
    if ((double)held >= most * (double)size) {
        uint8_t *const at = (uint8_t *)PyByteArray_AsString(ring);
        memmove(at, at + size, (size_t)(held - size));
        held -= size;
    }
    if (PyByteArray_Resize(ring, held + size) < 0)
        return -1;
    memcpy((uint8_t *)PyByteArray_AsString(ring) + held, entry, (size_t)size);
    return 0;
}

static int remember(PyObject *ring, uint64_t digest)
{
    uint8_t entry[DIGEST];
    store64(entry, digest);
    return push(ring, entry, DIGEST, weights[weight_brood_PROMPTS]);
}

/* Weigh a prompt by what was told before; 0 for the pure form. */
static int weigh(const glance *its, PyObject *line, const text *prompt, PyObject *step, teller *made)
{
    int odd = 0;
    *made = (teller){.line = line, .prompt = *prompt, .step = step};
    if (prompt->print == Py_None || !prompt->words) {
        made->prompt.print = Py_None;
        return 1;
    }
    if (!is(line, Line_) || !is_ring(get(line, Line_exact), DIGEST) || !is_ring(get(line, Line_shapes), DIGEST))
        return 0;
    const uint64_t shape = digest_of(get(prompt->print, Fingerprint_shape), &odd);
    const long long number = whole_of(step, &odd), before = whole_of(get(line, Line_step), &odd);
    made->exact = prompt->masked ? prompt->masked : 1;
    made->shape = shape ? shape : 1;
    if (holds(get(line, Line_exact), made->exact)) {
        const int moment = real_of(get(its->seen, Observation_now), &odd) == real_of(get(line, Line_moment), &odd);
        const int at_once = digest_of(get(line, Line_last), &odd) == prompt->masked &&
                            (number >= 0 ? number == before : moment);
        made->equal = at_once ? 0.0 : 1.0;
    } else {
        made->alike = holds(get(line, Line_shapes), made->shape) ? 1.0 : 0.0;
    }
    real_of(get(line, Line_equal), &odd);
    real_of(get(line, Line_alike), &odd);
    return !odd && PyLong_CheckExact(get(line, Line_count));
}

static int add_real(PyObject *owner, int field, double amount)
{
    int odd = 0;
    PyObject *const sum = amount == 0.0 ? NULL : PyFloat_FromDouble(real_of(get(owner, field), &odd) + amount);
    if (sum == NULL)
        return amount == 0.0 ? 0 : -1;
    put(owner, field, sum);
    return 0;
}

static int take_prompt_in(const glance *its, const teller *made)
{
    PyObject *const line = made->line;
    if (made->prompt.print == Py_None)
        return 0;
    if (add(line, Line_count, one) < 0 || add_real(line, Line_equal, made->equal) < 0 ||
        add_real(line, Line_alike, made->alike) < 0 || remember(get(line, Line_exact), made->exact) < 0 ||
        remember(get(line, Line_shapes), made->shape) < 0)
        return -1;
    put_same(line, Line_moment, get(its->seen, Observation_now));
    put_same(line, Line_step, made->step);
    put_same(line, Line_last, get(made->prompt.print, Fingerprint_masked));
    return 0;
}

/* Note when one more came, and by which event. */
static int note(const glance *its, PyObject *brood, int spawned)
{
    int odd = 0;
    const double tenths = (real_of(get(its->seen, Observation_now), &odd) - real_of(get(brood, Brood_since), &odd)) * 10.0;
    const uint32_t at = !(tenths >= 1.0) ? 0 : tenths >= MOST_TENTHS ? 0xFFFFFFFFu : (uint32_t)tenths;
    if (spawned && push(get(brood, Brood_times), (const uint8_t *)&at, TIME, weights[weight_brood_BURST]) < 0)
        return -1;
    PyObject *const before = get(brood, Brood_ids);
    const Py_ssize_t held = PyList_Size(before), kept = limits[limit_ids] - 1;
    PyObject *const ids = PyList_GetSlice(before, held > kept ? held - kept : 0, held);
    if (ids == NULL || PyList_Append(ids, get(its->event, Event_id)) < 0) {
        Py_XDECREF(ids);
        return -1;
    }
    put(brood, Brood_ids, ids);
    return 0;
}

/* Take in what a descendant brought; 0 is nothing. */
static int bring(PyObject *brood, uint64_t outcome)
{
    if (!outcome || holds(get(brood, Brood_outcomes), outcome))
        return add(brood, Brood_barren, one);
    return add(brood, Brood_returned, one) < 0 ? -1 : remember(get(brood, Brood_outcomes), outcome);
}

static int is_sound(const glance *its, PyObject *brood)
{
    int odd = 0;
    real_of(get(its->seen, Observation_now), &odd);
    real_of(get(brood, Brood_since), &odd);
    return !odd && is_ring(get(brood, Brood_times), TIME) && is_ring(get(brood, Brood_outcomes), DIGEST) &&
           PyList_CheckExact(get(brood, Brood_ids)) && PyLong_CheckExact(get(brood, Brood_calls)) &&
           PyLong_CheckExact(get(brood, Brood_barren)) && PyLong_CheckExact(get(brood, Brood_returned));
}

static text either(const glance *its, int first, int second, int *odd)
{
    const text found = text_of(get(its->prints, first), odd);
    return found.print != Py_None ? found : text_of(get(its->prints, second), odd);
}

/* Whether the event tells of no descendant's birth, whose depth is found by its ancestors: that is for the pure form. */
static int is_no_birth(const glance *its, int *odd)
{
    return is_alone_in_tree(its) ||
           (its->seldom != Py_None && whole_of(get(its->seldom, Seldom_depth), odd) != 0);
}

/* Take in a call for a descendant, and what it brought: 1, 0 for the pure form, or -1. */
static int take_call(const glance *its, PyObject *brood)
{
    int odd = 0;
    teller made;
    PyObject *const step = get(its->event, Event_step);
    const text prompt = either(its, Prints_input, Prints_arguments, &odd);
    const text told = either(its, Prints_result, Prints_output, &odd);
    if (odd || !weigh(its, get(brood, Brood_asked), &prompt, step == Py_None ? none_open : step, &made))
        return 0;
    if (add(brood, Brood_calls, one) < 0 || take_prompt_in(its, &made) < 0 || note(its, brood, 1) < 0)
        return -1;
    PyObject *const klass = told.print == Py_None ? Py_None : get(told.print, Fingerprint_klass);
    if (klass == Py_None || klass == klasses[klass_bare])
        return 1;
    const int failed = is_word(its->status, word_error) || is_word(its->status, word_denied);
    return bring(brood, failed || klass != klasses[klass_content] ? 0 : told.masked) < 0 ? -1 : 1;
}

/* Take in what a descendant was asked to do, by its own word. */
static int take_birth(const glance *its, PyObject *brood)
{
    int odd = 0;
    teller made;
    const text told = text_of(get(its->prints, Prints_input), &odd);
    if (odd || is_word(its->op, word_run_end) || its->seldom == Py_None ||
        truth_of(get(its->seldom, Seldom_prompted), &odd) || told.print == Py_None || !told.words || odd ||
        !weigh(its, get(brood, Brood_born), &told, none_open, &made))
        return 0;
    put_same(its->seldom, Seldom_prompted, Py_True);
    return take_prompt_in(its, &made) < 0 || note(its, brood, 0) < 0 ? -1 : 1;
}

int take_child(const glance *its)
{
    int odd = 0;
    PyObject *const brood = get(its->root, RootState_brood);
    if (!is(brood, Brood_) || !is_sound(its, brood) || !is_no_birth(its, &odd) || odd)
        return 0;
    return is_word(its->op, word_invoke_agent) ? take_call(its, brood) : take_birth(its, brood);
}

/* The most that one side's repeats can come to with one more. */
static double most_of(PyObject *line, int *odd)
{
    if (!is(line, Line_)) {
        *odd = 1;
        return 0.0;
    }
    return real_of(get(line, Line_equal), odd) + 1.0 + W(ALIKE) * (real_of(get(line, Line_alike), odd) + 1.0);
}

int is_small_brood(const glance *its, PyObject *options)
{
    int odd = 0;
    PyObject *const brood = get(its->root, RootState_brood);
    if (!is(brood, Brood_) || !is(options, SpawnOptions_) || !is_no_birth(its, &odd))
        return 0;
    const double asked = most_of(get(brood, Brood_asked), &odd), born = most_of(get(brood, Brood_born), &odd);
    const double others = W(SECOND) * (double)(whole_of(get(brood, Brood_second), &odd)) +
                          W(DEEPER) * (double)(whole_of(get(brood, Brood_deeper), &odd)) +
                          W(BARREN) * (double)(whole_of(get(brood, Brood_barren), &odd));
    const long long inbred = whole_of(get(brood, Brood_inbred), &odd), deepest = whole_of(get(brood, Brood_deepest), &odd);
    const double depth = (double)inbred > (double)deepest / 2.0 ? (double)inbred : (double)deepest / 2.0;
    const double most = ((asked > born ? asked : born) + others) * W(STORM);
    return depth < (double)whole_of(get(options, SpawnOptions_warn_depth), &odd) &&
           most < 0.999 * real_of(get(options, SpawnOptions_warn), &odd) && !odd;
}
