/* said.py, phrase.py and evidence.py: an output that says something new, to a prompt that is like none before. */
#include "slots.h"

#define SLOW_GAP_S 60.0
#define LEAK 1.5

typedef struct {
    text told, output;
    view inputs, outputs, prompt, said; /* of what was spoken before: digests, the last prompt's sketch, outputs' */
} spoken_of;

static int read_spoken(const sight *its, spoken_of *all)
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

static int has_said(view ring, uint64_t digest) { return has_digest(ring, DIGEST, 0, digest); }

/* The words of what the agent was told, and of what it said; 0 where there is nothing. */
static long long told_words(const spoken_of *all) { return all->told.print == Py_None ? 0 : all->told.words; }
static long long said_words(const spoken_of *all) { return all->output.print == Py_None ? 0 : all->output.words; }

/* Whether the input is a turn from outside (against.py). */
static int brings_news(const sight *its, const spoken_of *all, view calls, int acted)
{
    if (told_words(all) == 0 || its->spoken == Py_None || acted)
        return 0;
    if (has_said(all->inputs, all->told.masked) || has_said(all->outputs, all->told.masked) ||
        has_digest(calls, CALL, AT_ANSWER, all->told.masked))
        return 0;
    const int prompt = most_agreeing(all->told.sketch, all->prompt), said = most_agreeing(all->told.sketch, all->said);
    return (prompt > said ? prompt : said) < limits[limit_news_below];
}

/* Whether the log does not tell that it was told something that it had not been told before (said.py). */
static int told_before(const sight *its, const spoken_of *all, view calls)
{
    return told_words(all) == 0 || is_word(its->op, word_message) || has_said(all->inputs, all->told.masked) ||
           has_digest(calls, CALL, AT_ANSWER, all->told.masked);
}

/* Whether the output is equal to one before or much like one, or the prompt like the last: all for the pure form. */
static int is_like_before(const spoken_of *all, int first)
{
    if (first || said_words(all) == 0)
        return 0;
    if (has_said(all->outputs, all->output.masked))
        return 1;
    if (all->output.words >= limits[limit_said_words] &&
        most_agreeing(all->output.sketch, all->said) >= limits[limit_said_alike])
        return 1;
    return told_words(all) >= limits[limit_prompt_words] && all->prompt.size &&
           most_agreeing(all->told.sketch, all->prompt) >= limits[limit_templated];
}

/* Whether a long output is much like the one right before it. */
static int is_next(const spoken_of *all)
{
    if (!all->said.size)
        return 0;
    const view last = {all->said.at + all->said.size - BINS, BINS};
    return most_agreeing(all->output.sketch, last) >= limits[limit_long_alike];
}

/* What an output is besides new (said.py); `weighs`: it is evidence, and for the pure form. */
typedef struct {
    int news, slow, heard, stirred, acted, new, weighs;
} meaning;

static int read_meaning(const sight *its, const spoken_of *all, meaning *found)
{
    int odd = 0;
    const view calls = bytes_in(get(its->history, History_calls), &odd);
    *found = (meaning){0};
    if (its->spoken == Py_None) {
        found->new = said_words(all) != 0;
        return !odd;
    }
    found->acted = truth_of(get(its->spoken, Spoken_acted), &odd);
    found->news = brings_news(its, all, calls, found->acted);
    if (said_words(all) == 0)
        return !odd;
    found->new = 1;
    const long long news = whole_of(get(its->run, RunState_news), &odd);
    const long long heard = news - whole_of(get(its->spoken, Spoken_heard), &odd);
    found->heard = heard >= limits[limit_news];
    found->stirred = heard > 0;
    if (!found->news && !found->acted && told_before(its, all, calls)) {
        const double gap_s = real_of(get(its->seen, Observation_now), &odd) - real_of(get(its->spoken, Spoken_at), &odd);
        found->slow = gap_s >= SLOW_GAP_S;
        found->weighs = all->output.words >= limits[limit_long_words] && (told_words(all) || !found->heard) && is_next(all);
    }
    return !odd;
}

PyObject *read_chat(const sight *its)
{
    spoken_of all;
    meaning found;
    if (its->human || get(its->run, RunState_others) != Py_None || get(its->root, RootState_told) != Py_None ||
        !read_spoken(its, &all) || is_like_before(&all, its->spoken == Py_None) || !read_meaning(its, &all, &found) ||
        found.weighs)
        return NULL;
    PyObject *const said = PyObject_CallNoArgs((PyObject *)types[Said_]);
    PyObject *const reading = said == NULL ? NULL : PyObject_CallNoArgs((PyObject *)types[Reading_]);
    if (reading == NULL) {
        Py_XDECREF(said);
        return NULL;
    }
    put_same(said, Said_news, truth(found.news));
    put_same(said, Said_acted, truth(found.acted));
    put_same(said, Said_new, truth(found.new));
    put_same(said, Said_heard, truth(found.heard));
    put_same(said, Said_stirred, truth(found.stirred));
    put_same(said, Said_slow, truth(found.slow));
    put(reading, Reading_said, said);
    return reading;
}

/* Give the sketches with a new prompt's at their head and an output's at their end, of which the last few are kept. */
static PyObject *sketches_with(const spoken_of *all, int told, int said)
{
    uint8_t made[BINS * 8];
    const view prompt = told ? all->told.sketch : all->prompt, output = {all->output.sketch.at, said ? BINS : 0};
    const size_t most = (size_t)limits[limit_texts] * BINS, whole = all->said.size + output.size;
    const size_t dropped = said && whole > most ? whole - most : 0;
    if (prompt.size + whole - dropped > sizeof made || dropped > all->said.size)
        return NULL;
    memcpy(made, prompt.at, prompt.size);
    memcpy(made + prompt.size, all->said.at + dropped, all->said.size - dropped);
    memcpy(made + prompt.size + all->said.size - dropped, output.at, output.size);
    return PyBytes_FromStringAndSize((const char *)made, (Py_ssize_t)(prompt.size + whole - dropped));
}

/* What is to be written; all of it is made before any of it is. */
typedef struct {
    PyObject *inputs, *sketches, *outputs, *stale, *hard, *news, *heard;
} writing;

static int is_made(const writing *made)
{
    return made->inputs && made->sketches && made->outputs && made->stale && made->hard && made->news && made->heard;
}

static void drop(writing *made)
{
    Py_XDECREF(made->inputs);
    Py_XDECREF(made->sketches);
    Py_XDECREF(made->outputs);
    Py_XDECREF(made->stale);
    Py_XDECREF(made->hard);
    Py_XDECREF(made->news);
    Py_XDECREF(made->heard);
}

static PyObject *less(PyObject *amount, double leak, int *odd)
{
    const double left = real_of(amount, odd) - leak;
    return left > 0.0 ? PyFloat_FromDouble(left) : Py_NewRef(nought);
}

/* Whether what the output says is news to others: nothing was exchanged in this tree yet (said.py). */
static int is_news(const spoken_of *all, PyObject *spoken, int *odd)
{
    if (all->output.words < limits[limit_said_words])
        return 0;
    if (all->output.sketch.size)
        return 1;
    const long long size = whole_of(get(all->output.print, Fingerprint_size), odd);
    const long long before = whole_of(get(spoken, Spoken_size), odd);
    const long long off = size > before ? size - before : before - size;
    return (double)off > 0.1 * (double)before;
}

static void make(const sight *its, const spoken_of *all, PyObject *spoken, int resets, writing *made, int *odd)
{
    const int said = said_words(all) != 0, told = told_words(all) != 0;
    const int kept = said && all->output.words >= limits[limit_said_words] && all->output.sketch.size;
    const long long weight = said ? (is_news(all, spoken, odd) ? limits[limit_news] : 1) : 0;
    const double leak = said ? LEAK : 0.0;
    made->inputs = told ? with_digest(all->inputs, limits[limit_inputs], all->told.masked)
                        : Py_NewRef(get(spoken, Spoken_inputs));
    made->outputs = said ? with_digest(all->outputs, limits[limit_outputs], all->output.masked)
                         : Py_NewRef(get(spoken, Spoken_outputs));
    made->sketches = sketches_with(all, told, kept);
    made->stale = resets ? Py_NewRef(nought) : less(get(spoken, Spoken_stale), leak, odd);
    made->hard = resets ? Py_NewRef(nought) : less(get(spoken, Spoken_hard), leak, odd);
    made->news = PyLong_FromLongLong(whole_of(get(its->run, RunState_news), odd) + weight);
    made->heard = said ? Py_XNewRef(made->news) : Py_NewRef(get(spoken, Spoken_heard));
}

/* Write what was made; nothing here can fail. The references go with it. */
static void write_all(const sight *its, const spoken_of *all, PyObject *spoken, writing *made)
{
    const int said = said_words(all) != 0, told = told_words(all) != 0;
    put_same(its->history, History_index, get(its->seen, Observation_index));
    if (told) {
        put_same(spoken, Spoken_prompted, truth(all->told.sketch.size != 0));
        put(spoken, Spoken_inputs, Py_NewRef(made->inputs));
    }
    put(spoken, Spoken_sketches, Py_NewRef(made->sketches));
    put_same(spoken, Spoken_acted, Py_False);
    put_same(spoken, Spoken_stale, made->stale);
    put_same(spoken, Spoken_hard, made->hard);
    put_same(its->run, RunState_news, made->news);
    if (said) {
        put_same(spoken, Spoken_at, get(its->seen, Observation_now));
        put_same(spoken, Spoken_heard, made->heard);
        put_same(spoken, Spoken_size, get(all->output.print, Fingerprint_size));
        put_same(spoken, Spoken_outputs, made->outputs);
    }
    if (get(its->history, History_spoken) != spoken)
        put_same(its->history, History_spoken, spoken);
}

/* Whether the speaker holds nothing against itself but a count that leaks, and the reading is of a new output. */
static int is_plain(const sight *its, PyObject *reading, PyObject *said, int *odd)
{
    const int other = real_of(get(said, Said_weight), odd) != 0.0 || real_of(get(said, Said_link), odd) != 0.0 ||
                      truth_of(get(said, Said_equal), odd);
    if (other || get(reading, Reading_phrase) != Py_None || get(its->root, RootState_exchange) != Py_None ||
        get(its->root, RootState_told) != Py_None || get(its->run, RunState_others) != Py_None || !is_alone(its, odd))
        return 0;
    return its->spoken == Py_None ||
           (get(its->spoken, Spoken_phrased) == Py_None && get(its->spoken, Spoken_streak) == Py_None &&
            real_of(get(its->spoken, Spoken_chain), odd) == 0.0);
}

int learn_chat(const sight *its, PyObject *reading)
{
    int odd = 0;
    spoken_of all;
    PyObject *const said = get(reading, Reading_said);
    if (its->human || !is(said, Said_) || !is_plain(its, reading, said, &odd) || odd || !read_spoken(its, &all))
        return 0;
    const int news = truth_of(get(said, Said_news), &odd), new = truth_of(get(said, Said_new), &odd);
    const int resets = news || truth_of(get(said, Said_heard), &odd);
    if (odd || (said_words(&all) != 0) != new ||
        (news && (real_of(get(its->history, History_hard), &odd) != 0.0 ||
                  real_of(get(its->history, History_soft), &odd) != 0.0)))
        return 0;
    PyObject *const spoken =
        its->spoken == Py_None ? PyObject_CallNoArgs((PyObject *)types[Spoken_]) : Py_NewRef(its->spoken);
    if (spoken == NULL)
        return -1;
    writing made = {0};
    make(its, &all, spoken, resets, &made, &odd);
    const int done = !odd && is_made(&made);
    if (done)
        write_all(its, &all, spoken, &made);
    drop(&made);
    Py_DECREF(spoken);
    return done ? 1 : PyErr_Occurred() ? -1 : 0;
}
