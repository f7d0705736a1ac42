/* history.py: byte strings of entries, what is found in them and how they grow. */
#include "slots.h"

uint64_t mixed(uint64_t a, uint64_t b)
{
    uint64_t x = a * UINT64_C(0x9E3779B97F4A7C15) + b;
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x ^= x >> 31;
    return x ? x : 1;
}

void store64(uint8_t *at, uint64_t value)
{
    for (int byte = 0; byte < DIGEST; byte++)
        at[byte] = (uint8_t)(value >> 8 * byte);
}

int has_digest(view ring, size_t step, size_t offset, uint64_t digest)
{
    int found = 0;
    for (size_t at = offset; at + DIGEST <= ring.size; at += step)
        found |= load64(ring.at + at) == digest;
    return found;
}

PyObject *with_end(view ring, size_t dropped, view added)
{
    uint8_t small[4096];
    if (dropped > ring.size || ring.size - dropped > sizeof small - added.size)
        return NULL;
    const size_t kept = ring.size - dropped;
    memcpy(small, ring.at + dropped, kept);
    memcpy(small + kept, added.at, added.size);
    return PyBytes_FromStringAndSize((const char *)small, (Py_ssize_t)(kept + added.size));
}

PyObject *with_digest(view ring, long most, uint64_t digest)
{
    uint8_t end[DIGEST];
    store64(end, digest);
    return with_end(ring, ring.size >= (size_t)most * DIGEST ? DIGEST : 0, (view){end, DIGEST});
}

int most_agreeing(view sketch, view others)
{
    int most = 0;
    if (sketch.size == BINS)
        for (size_t at = 0; at + BINS <= others.size; at += BINS) {
            const int found = agreeing(sketch.at, others.at + at);
            most = found > most ? found : most;
        }
    return most;
}

int look(PyObject *seen, PyObject *scope, sight *its)
{
    int odd = 0;
    if (!is(seen, Observation_) || !is(scope, Scope_))
        return 0;
    its->seen = seen;
    its->scope = scope;
    its->event = get(seen, Observation_event);
    its->prints = get(seen, Observation_prints);
    its->run = get(scope, Scope_run);
    its->root = get(scope, Scope_root);
    its->history = get(scope, Scope_history);
    if (!is(its->event, Event_) || !is(its->prints, Prints_) || !is(its->run, RunState_) ||
        !is(its->root, RootState_) || !is(its->history, History_))
        return 0;
    its->spoken = get(its->history, History_spoken);
    its->op = get(its->event, Event_op);
    its->status = get(its->event, Event_status);
    its->human = is_word(get(its->event, Event_trigger), word_human);
    PyObject *const trigger = get(its->event, Event_trigger);
    const int ours = truth_of(get(seen, Observation_own_effect), &odd) | truth_of(get(scope, Scope_duplicate), &odd);
    return !odd && !ours && (its->spoken == Py_None || is(its->spoken, Spoken_)) && is_known_word(its->op) &&
           (its->status == Py_None || is_known_word(its->status)) &&
           (trigger == Py_None || is_known_word(trigger));
}

static int is_known_klass(PyObject *given)
{
    for (int klass = 0; klass < KLASS_COUNT; klass++)
        if (given == klasses[klass])
            return 1;
    return 0;
}

text text_of(PyObject *print, int *odd)
{
    text found = {Py_None, 0, 0, NO_BYTES};
    if (print == Py_None)
        return found;
    if (!is(print, Fingerprint_)) {
        *odd = 1;
        return found;
    }
    found.print = print;
    found.masked = digest_of(get(print, Fingerprint_masked), odd);
    found.words = whole_of(get(print, Fingerprint_words), odd);
    found.sketch = sketch_in(get(print, Fingerprint_sketch), odd);
    *odd |= !is_known_klass(get(print, Fingerprint_klass));
    return found;
}

uint64_t tool_digest(PyObject *tool, int *odd)
{
    const uint64_t digest = xxh3_64(text_in(tool, odd));
    return digest ? digest : 1;
}

int is_alone(const sight *its, int *odd)
{
    PyObject *const parent = get(its->run, RunState_parent), *const to = get(its->event, Event_to_agent);
    *odd |= !PyUnicode_Check(parent) || !PyUnicode_Check(to);
    return !has_text(parent) && !has_text(to);
}
