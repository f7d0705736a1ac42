/* pingpong.py: a message in a tree of runs beside what its speaker said there before. */
#include "familiar.h"
#include "watchers.h"

#define W(name) weights[weight_pingpong_##name]

/* What a message adds to an exchange, and what it is told from. References are borrowed. */
typedef struct {
    PyObject *exchange, *voice; /* NULL: it is its speaker's first */
    uint64_t speaker;
    text output;
    double weight;
    int equal, is_new, voices;
} answer;

/* Give a ring of digests that may be changed; `odd` where it is none. */
static view ring_of(PyObject *owner, int field, int *odd)
{
    PyObject *const ring = get(owner, field);
    if (!PyByteArray_CheckExact(ring) || PyByteArray_Size(ring) % DIGEST) {
        *odd = 1;
        return (view)NO_BYTES;
    }
    return (view){(const uint8_t *)PyByteArray_AsString(ring), (size_t)PyByteArray_Size(ring)};
}

static int is_alike(const answer *its, int *odd)
{
    PyObject *const sketches = get(its->voice, Voice_sketches);
    if (!PyList_CheckExact(sketches)) {
        *odd = 1;
        return 0;
    }
    int most = 0;
    for (Py_ssize_t at = 0; at < PyList_Size(sketches); at++) {
        const view sketch = sketch_in(PyList_GetItem(sketches, at), odd);
        const int alike = *odd ? 0 : most_agreeing(its->output.sketch, sketch);
        most = alike > most ? alike : most;
    }
    return (double)its->output.words >= W(ALIKE_WORDS) && its->output.sketch.size &&
           most >= likenesses[alike_pingpong_ALIKE];
}

/* How many take part in the turns, its speaker among them; 0 where it goes on from its own. */
static int voices_in(view turns, uint64_t speaker)
{
    if (turns.size && load64(turns.at + turns.size - DIGEST) == speaker)
        return 0;
    int count = 1;
    for (size_t at = 0; at < turns.size; at += DIGEST) {
        const uint64_t other = load64(turns.at + at);
        count += other != speaker && !has_digest((view){turns.at, at}, DIGEST, 0, other);
    }
    return count;
}

/* Find the speaker among the voices; 0 for the pure form. */
static int find_voice(answer *its)
{
    int odd = 0;
    PyObject *const voices = get(its->exchange, Exchange_voices);
    if (!PyList_CheckExact(voices))
        return 0;
    for (Py_ssize_t at = 0; its->voice == NULL && at < PyList_Size(voices); at++) {
        PyObject *const voice = PyList_GetItem(voices, at);
        if (!is(voice, Voice_))
            return 0;
        if (digest_of(get(voice, Voice_speaker), &odd) == its->speaker)
            its->voice = voice;
    }
    return !odd;
}

static int weigh(answer *its, filter *met)
{
    int odd = 0;
    PyObject *const held = get(its->exchange, Exchange_met);
    const view turns = ring_of(its->exchange, Exchange_turns, &odd);
    if (odd || !find_voice(its) || (held != Py_None && !open_filter(held, met)))
        return 0;
    its->voices = voices_in(turns, its->speaker);
    const view said = its->voice == NULL ? (view)NO_BYTES : ring_of(its->voice, Voice_said, &odd);
    const int alike = its->voice != NULL && is_alike(its, &odd);
    if (odd || its->voices == 0)
        return !odd;
    if (its->voice == NULL) {
        its->is_new = 1;
        return 1;
    }
    its->equal = has_digest(said, DIGEST, 0, its->output.masked);
    if (its->equal || alike) {
        its->weight = 1.0;
    } else if ((double)its->output.words <= W(SHORT_WORDS)) {
        its->weight = W(COURTESY);
    } else {
        int left = BINS;
        if (held != Py_None && its->output.sketch.size) {
            set_bins(met, its->output.sketch, limits[limit_said]);
            left = unmet_of(met, 1);
        }
        its->weight = left <= W(LITTLE) ? 1.0 : 0.0;
        its->is_new = left > W(HARDLY);
    }
    return 1;
}

/* How much of a message can be new: less in a shorter one, and nothing is known of a short one's digest. */
static double share_new(const answer *its)
{
    if ((double)its->output.words >= W(LONG_WORDS))
        return 1.0;
    return its->output.sketch.size ? (double)its->output.words / W(LONG_WORDS) : 0.0;
}

static int put_real(PyObject *owner, int field, double value)
{
    PyObject *const made = value != 0.0 ? PyFloat_FromDouble(value) : Py_NewRef(nought);
    if (made == NULL)
        return -1;
    put(owner, field, made);
    return 0;
}

static int count_it(const sight *seen, const answer *its)
{
    int odd = 0;
    PyObject *const exchange = its->exchange;
    double stale = real_of(get(exchange, Exchange_stale), &odd), hard = real_of(get(exchange, Exchange_hard), &odd);
    const uint64_t digest = its->output.masked;
    if (its->weight != 0.0 && its->voices >= 2) {
        stale = stale + its->weight < W(CAP) ? stale + its->weight : W(CAP);
        hard += its->equal ? its->weight : 0.0;
        hard = hard < W(CAP) ? hard : W(CAP);
        if (grow(exchange, Exchange_streak, seen, &digest, 1) < 0)
            return -1;
    } else if (its->is_new) {
        const double leak = W(LEAK) * share_new(its);
        stale = stale - leak > 0.0 ? stale - leak : 0.0;
        hard = hard - leak > 0.0 ? hard - leak : 0.0;
        if (stale == 0.0)
            put_same(exchange, Exchange_streak, Py_None);
    } else {
        return 0;
    }
    return put_real(exchange, Exchange_stale, stale) < 0 ? -1 : put_real(exchange, Exchange_hard, hard);
}

/* Append a digest to a ring that holds at most so many of them. */
static int remember(PyObject *ring, uint64_t digest, double most)
{
    Py_ssize_t size = PyByteArray_Size(ring);
    if ((double)size >= most * DIGEST) {
        uint8_t *const at = (uint8_t *)PyByteArray_AsString(ring);
        memmove(at, at + DIGEST, (size_t)(size - DIGEST));
        size -= DIGEST;
    }
    if (PyByteArray_Resize(ring, size + DIGEST) < 0)
        return -1;
    store64((uint8_t *)PyByteArray_AsString(ring) + size, digest);
    return 0;
}

/* Append to a list that holds at most so many. */
static int append(PyObject *list, PyObject *item, double most)
{
    if ((double)PyList_Size(list) >= most && PyList_SetSlice(list, 0, 1, NULL) < 0)
        return -1;
    return PyList_Append(list, item);
}

/* Give the speaker's voice, a new one where it has none; borrowed, NULL with an exception. */
static PyObject *voice_of(const answer *its)
{
    if (its->voice != NULL)
        return its->voice;
    PyObject *const speaker = PyLong_FromUnsignedLongLong(its->speaker);
    PyObject *const voice =
        speaker == NULL ? NULL : PyObject_CallFunctionObjArgs((PyObject *)types[Voice_], speaker, NULL);
    const int failed = voice == NULL || append(get(its->exchange, Exchange_voices), voice, W(VOICES)) < 0;
    Py_XDECREF(speaker);
    Py_XDECREF(voice); /* the list holds it */
    return failed ? NULL : voice;
}

/* Keep the sketch of a message that is not equal to one before. */
static int meet_it(const answer *its, PyObject *voice)
{
    filter met;
    PyObject *held = get(its->exchange, Exchange_met);
    if (!its->output.sketch.size || its->equal)
        return 0;
    if (held == Py_None) {
        if ((held = PyObject_CallNoArgs((PyObject *)types[Familiar_])) == NULL)
            return -1;
        put(its->exchange, Exchange_met, held);
    }
    open_filter(held, &met);
    set_bins(&met, its->output.sketch, limits[limit_said]);
    return meet(&met) < 0 ? -1 : append(get(voice, Voice_sketches), get(its->output.print, Fingerprint_sketch), W(SKETCHES));
}

/* Take a message in: 1, or 0 for the pure form, or -1. */
static int take(const sight *seen, PyObject *exchange, const text *output)
{
    int odd = 0;
    filter met;
    answer its = {.exchange = exchange, .output = *output, .speaker = name_digest(get(seen->event, Event_agent), &odd)};
    real_of(get(exchange, Exchange_stale), &odd);
    real_of(get(exchange, Exchange_hard), &odd);
    if (odd || !can_grow(get(exchange, Exchange_streak), seen) || !weigh(&its, &met))
        return 0;
    put_same(exchange, Exchange_index, get(seen->seen, Observation_index));
    if (count_it(seen, &its) < 0 || remember(get(exchange, Exchange_turns), its.speaker, W(TURNS)) < 0)
        return -1;
    PyObject *const voice = voice_of(&its);
    return voice == NULL || remember(get(voice, Voice_said), output->masked, W(KEPT)) < 0 || meet_it(&its, voice) < 0 ? -1 : 1;
}

/* Whether a message has been taken in, or is none. */
static int is_no_message(const glance *its, const text *output, int *odd)
{
    PyObject *const exchange = get(its->root, RootState_exchange);
    if (its->said == Py_None || output->print == Py_None || !output->words)
        return 1;
    return exchange != Py_None &&
           whole_of(get(exchange, Exchange_index), odd) == whole_of(get(its->seen, Observation_index), odd);
}

int take_message(const glance *its)
{
    int odd = 0;
    sight seen;
    PyObject *const exchange = get(its->root, RootState_exchange);
    if ((exchange != Py_None && !is(exchange, Exchange_)) || !look(its->seen, its->scope, &seen))
        return 0;
    const int news = its->said != Py_None && truth_of(get(its->said, Said_news), &odd) && seen.human;
    if (truth_of(get(its->reading, Reading_novel), &odd) || news) {
        if (exchange == Py_None || odd)
            return !odd;
        put_same(exchange, Exchange_stale, nought);
        put_same(exchange, Exchange_hard, nought);
        put_same(exchange, Exchange_streak, Py_None);
        return 1;
    }
    text output = text_of(get(its->prints, Prints_output), &odd);
    if (output.print == Py_None && is_word(its->op, word_message))
        output = text_of(get(its->prints, Prints_input), &odd);
    if (odd || is_no_message(its, &output, &odd))
        return !odd;
    if (odd || exchange == Py_None)
        return 0;
    return take(&seen, exchange, &output);
}
