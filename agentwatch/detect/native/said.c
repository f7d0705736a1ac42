/* said.py, phrase.py and against.py: whether an output says anything new, and whether its prompt brings anything. */
#include "spoken.h"

#define W(name) weights[weight_said_##name]

int read_spoken(const sight *its, spoken_of *all)
{
    int odd = 0;
    *all = (spoken_of){{Py_None, 0, 0, NO_BYTES}, {Py_None, 0, 0, NO_BYTES}, NO_BYTES, NO_BYTES, NO_BYTES, NO_BYTES};
    all->told = text_of(get(its->prints, Prints_input), &odd);
    all->output = text_of(get(its->prints, Prints_output), &odd);
    if (all->output.print == Py_None && is_word(its->op, word_message))
        all->output = all->told;
    if (its->spoken != Py_None) {
        const view sketches = bytes_in(get(its->spoken, Spoken_sketches), &odd);
        const int prompted = truth_of(get(its->spoken, Spoken_prompted), &odd);
        all->inputs = bytes_in(get(its->spoken, Spoken_inputs), &odd);
        all->outputs = bytes_in(get(its->spoken, Spoken_outputs), &odd);
        if (sketches.size % BINS || (prompted && !sketches.size))
            return 0;
        all->prompt = (view){sketches.at, prompted ? BINS : 0};
        all->said = (view){sketches.at + all->prompt.size, sketches.size - all->prompt.size};
    }
    return !odd;
}

int has_said(view ring, uint64_t digest) { return has_digest(ring, DIGEST, 0, digest); }


/* Whether a history of the run holds what an agent was told; `most` is then the likeness to what was said there. */
static int holds_told(PyObject *history, const spoken_of *all, int *most, int *odd)
{
    if (!is(history, History_)) {
        *odd = 1;
        return 1;
    }
    PyObject *const spoken = get(history, History_spoken);
    const view calls = bytes_in(get(history, History_calls), odd);
    *odd |= calls.size % CALL != 0;
    if (*odd || has_digest(calls, CALL, AT_ANSWER, all->told.masked))
        return 1;
    if (spoken == Py_None)
        return 0;
    if (!is(spoken, Spoken_)) {
        *odd = 1;
        return 1;
    }
    const view sketches = bytes_in(get(spoken, Spoken_sketches), odd);
    const size_t prompt = truth_of(get(spoken, Spoken_prompted), odd) ? BINS : 0;
    if (*odd || sketches.size % BINS || prompt > sketches.size) {
        *odd = 1;
        return 1;
    }
    const int alike = most_agreeing(all->told.sketch, (view){sketches.at + prompt, sketches.size - prompt});
    *most = alike > *most ? alike : *most;
    return has_said(bytes_in(get(spoken, Spoken_outputs), odd), all->told.masked);
}

/* Whether the input is a turn from outside. */
static int brings_news(const sight *its, const spoken_of *all, int acted, int *odd)
{
    PyObject *const others = get(its->run, RunState_others);
    PyObject *name, *history;
    Py_ssize_t at = 0;
    if (its->human)
        return 1;
    if (told_words(all) == 0 || its->spoken == Py_None || acted || has_said(all->inputs, all->told.masked))
        return 0;
    int most = most_agreeing(all->told.sketch, all->prompt);
    if (holds_told(get(its->run, RunState_own), all, &most, odd))
        return 0;
    *odd |= others != Py_None && !PyDict_CheckExact(others);
    while (!*odd && others != Py_None && PyDict_Next(others, &at, &name, &history))
        if (holds_told(history, all, &most, odd))
            return 0;
    return most < limits[limit_news_below];
}

/* Whether the log does not tell that it was told something that it had not been told before. */
static int told_before(const sight *its, const spoken_of *all, int *odd)
{
    if (told_words(all) == 0 || is_word(its->op, word_message) || has_said(all->inputs, all->told.masked))
        return 1;
    return has_digest(bytes_in(get(its->history, History_calls), odd), CALL, AT_ANSWER, all->told.masked);
}

/* Whether a long output is much like the one right before it. */
static int is_next(const spoken_of *all)
{
    if (!all->said.size)
        return 0;
    const view last = {all->said.at + all->said.size - BINS, BINS};
    return most_agreeing(all->output.sketch, last) >= limits[limit_long_alike];
}

/* Whether the prompt is in the words of the one before, which is for the pure form (phrase.py). */
static int is_phrase(const sight *its, const spoken_of *all)
{
    return told_words(all) >= limits[limit_prompt_words] && all->prompt.size && said_words(all) && !its->human &&
           most_agreeing(all->told.sketch, all->prompt) >= limits[limit_templated] &&
           !has_said(all->inputs, all->told.masked);
}

/* What an output means (`Said`). */
typedef struct {
    int equal, news, slow, heard, stirred, acted, new;
    double weight, hard, link;
} meaning;

static void weigh_said(const sight *its, const spoken_of *all, int alike, meaning *found, int *odd)
{
    const double gap_s = real_of(get(its->seen, Observation_now), odd) - real_of(get(its->spoken, Spoken_at), odd);
    const int long_ = all->output.words >= limits[limit_long_words];
    found->slow = gap_s >= W(SLOW_GAP_S);
    if (alike && !found->heard) {
        found->weight = (all->output.words >= limits[limit_said_words] ? 1.0 : W(SHORT)) * (found->slow ? W(SLOW) : 1.0);
        found->weight *= found->stirred && !all->output.sketch.size ? W(SHORT) : 1.0;
        found->hard = found->equal && !found->slow && !found->stirred ? found->weight : 0.0;
    }
    if (long_ && (told_words(all) || !found->heard) && is_next(all))
        found->link = told_words(all) ? 1.0 : W(UNPROMPTED);
}

static int read_meaning(const sight *its, const spoken_of *all, meaning *found)
{
    int odd = 0;
    *found = (meaning){0};
    found->acted = its->spoken != Py_None && truth_of(get(its->spoken, Spoken_acted), &odd);
    found->news = brings_news(its, all, found->acted, &odd);
    if (said_words(all) == 0)
        return !odd;
    if (its->spoken == Py_None) {
        found->new = 1;
        return !odd;
    }
    found->equal = has_said(all->outputs, all->output.masked);
    const int alike = found->equal || (all->output.words >= limits[limit_said_words] &&
                                       most_agreeing(all->output.sketch, all->said) >= limits[limit_said_alike]);
    const long long heard = heard_of(its, &odd) - whole_of(get(its->spoken, Spoken_heard), &odd);
    found->new = !alike;
    found->heard = heard >= limits[limit_news];
    found->stirred = heard > 0;
    if (!found->news && !found->acted && told_before(its, all, &odd))
        weigh_said(its, all, alike, found, &odd);
    return !odd;
}

static int put_real(PyObject *owner, int field, double value)
{
    PyObject *const made = value != 0.0 ? PyFloat_FromDouble(value) : Py_NewRef(nought);
    if (made == NULL)
        return 0;
    put(owner, field, made);
    return 1;
}

static PyObject *said_of(const meaning *found)
{
    PyObject *const said = PyObject_CallNoArgs((PyObject *)types[Said_]);
    const struct {
        int field, is;
    } marks[] = {{Said_equal, found->equal}, {Said_news, found->news},       {Said_acted, found->acted}, {Said_new, found->new},
                 {Said_heard, found->heard}, {Said_stirred, found->stirred}, {Said_slow, found->slow}};
    for (size_t at = 0; said != NULL && at < sizeof marks / sizeof *marks; at++)
        if (marks[at].is)
            put_same(said, marks[at].field, Py_True);
    if (said != NULL && put_real(said, Said_weight, found->weight) && put_real(said, Said_hard, found->hard) &&
        put_real(said, Said_link, found->link))
        return said;
    Py_XDECREF(said);
    return NULL;
}

PyObject *read_chat(const sight *its)
{
    spoken_of all;
    meaning found;
    if (!read_spoken(its, &all) || is_phrase(its, &all) || !read_meaning(its, &all, &found))
        return NULL;
    PyObject *const said = said_of(&found);
    PyObject *const reading = said == NULL ? NULL : PyObject_CallNoArgs((PyObject *)types[Reading_]);
    if (reading == NULL) {
        Py_XDECREF(said);
        return NULL;
    }
    put(reading, Reading_said, said);
    return reading;
}
