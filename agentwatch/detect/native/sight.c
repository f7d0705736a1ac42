/* What is known of an event and of where it belongs, and the texts that it brings. */
#include "slots.h"

/* Of the event that is being taken. A detector in Python may let another thread take one meanwhile: then nothing is known
 * any more of this one, and is found out as it is asked for. */
static const known *now;

static int look_closely(PyObject *seen, PyObject *scope, sight *its)
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

static text read_text(PyObject *print, int *odd)
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

uint64_t name_digest(PyObject *tool, int *odd)
{
    const uint64_t digest = xxh3_64(text_in(tool, odd));
    return digest ? digest : 1;
}

void know(known *all, PyObject *seen, PyObject *scope)
{
    static const int fields[] = {Prints_input, Prints_output, Prints_arguments, Prints_result};
    memset(all, 0, sizeof *all);
    all->seen = seen;
    all->scope = scope;
    all->whole = look_closely(seen, scope, &all->its);
    now = NULL;
    if (!all->whole)
        return;
    for (int at = 0; at < TEXTS; at++) {
        all->prints[at] = get(all->its.prints, fields[at]);
        all->texts[at] = read_text(all->prints[at], &all->odd[at]);
    }
    all->tool_name = get(all->its.event, Event_tool);
    all->tool = is_word(all->its.op, word_execute_tool) ? name_digest(all->tool_name, &all->odd_tool) : 0;
    now = all;
}

void forget_known(void) { now = NULL; }

int look(PyObject *seen, PyObject *scope, sight *its)
{
    if (now == NULL || now->seen != seen || now->scope != scope)
        return look_closely(seen, scope, its);
    *its = now->its;
    its->spoken = get(its->history, History_spoken); /* which may have begun since */
    return its->spoken == Py_None || is(its->spoken, Spoken_);
}

text text_of(PyObject *print, int *odd)
{
    for (int at = 0; now != NULL && print != Py_None && at < TEXTS; at++)
        if (now->prints[at] == print) {
            *odd |= now->odd[at];
            return now->texts[at];
        }
    return read_text(print, odd);
}

uint64_t tool_digest(PyObject *tool, int *odd)
{
    if (now == NULL || now->tool_name != tool || !now->tool)
        return name_digest(tool, odd);
    *odd |= now->odd_tool;
    return now->tool;
}

int is_alone(const sight *its, int *odd)
{
    PyObject *const parent = get(its->run, RunState_parent), *const to = get(its->event, Event_to_agent);
    *odd |= !PyUnicode_Check(parent) || !PyUnicode_Check(to);
    return !has_text(parent) && !has_text(to);
}
