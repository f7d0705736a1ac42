/* said.py and evidence.py: an output that was read is taken into what its agent said. */
#include "familiar.h"
#include "spoken.h"

#define W(name) weights[weight_said_##name]

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

/* What the reading says, and what is to become of the counts. */
typedef struct {
    int equal, news, slow, heard, new, grows, ends;
    double weight, link, hard, held_stale, held_hard, held_chain;
    double stale, chain, history_hard, history_soft;
} spoken_now;

static int read_now(const sight *its, PyObject *said, PyObject *spoken, spoken_now *now)
{
    int odd = 0;
    *now = (spoken_now){.equal = truth_of(get(said, Said_equal), &odd),
                        .news = truth_of(get(said, Said_news), &odd),
                        .slow = truth_of(get(said, Said_slow), &odd),
                        .heard = truth_of(get(said, Said_heard), &odd),
                        .new = truth_of(get(said, Said_new), &odd),
                        .weight = real_of(get(said, Said_weight), &odd),
                        .link = real_of(get(said, Said_link), &odd),
                        .held_stale = real_of(get(spoken, Spoken_stale), &odd),
                        .held_hard = real_of(get(spoken, Spoken_hard), &odd),
                        .held_chain = real_of(get(spoken, Spoken_chain), &odd),
                        .history_hard = real_of(get(its->history, History_hard), &odd),
                        .history_soft = real_of(get(its->history, History_soft), &odd)};
    now->hard = real_of(get(said, Said_hard), &odd);
    return !odd;
}

static double least(double one_of, double other) { return other < one_of ? other : one_of; }
static double most(double one_of, double other) { return other > one_of ? other : one_of; }

/* What the counts come to; `hard` is then no more the reading's but what is held. */
static void count_now(spoken_now *now, int speaks)
{
    const double added = now->hard;
    now->stale = now->held_stale;
    now->hard = now->held_hard;
    now->chain = now->held_chain;
    if (now->news || now->heard) {
        now->stale = now->hard = 0.0;
        now->chain = now->news ? 0.0 : now->chain;
        now->ends = now->chain == 0.0;
    }
    if (!speaks)
        return;
    now->chain = now->link != 0.0 ? least(W(CAP), now->chain + now->link) : 0.0;
    now->grows = now->weight != 0.0 || now->link != 0.0;
    if (now->weight != 0.0) {
        now->stale = most(now->stale, least(now->slow ? W(SLOW_CAP) : W(CAP), now->stale + now->weight));
        now->hard = least(W(CAP), now->hard + added);
    } else if (now->link == 0.0 && now->new) {
        now->stale = most(0.0, now->stale - W(LEAK));
        now->hard = most(0.0, now->hard - W(LEAK));
        now->ends |= now->stale == 0.0 && now->chain == 0.0;
    }
}

/* Whether what the output says is news to others: 1 or 0, -1 for the pure form. */
static int is_news(const sight *its, const spoken_of *all, PyObject *spoken)
{
    int odd = 0;
    filter met;
    PyObject *const exchange = get(its->root, RootState_exchange);
    if (all->output.words < limits[limit_said_words])
        return 0;
    if (!all->output.sketch.size) {
        const long long size = whole_of(get(all->output.print, Fingerprint_size), &odd);
        const long long before = whole_of(get(spoken, Spoken_size), &odd);
        const long long off = size > before ? size - before : before - size;
        return odd ? -1 : (double)off > W(SAME_SIZE) * (double)before;
    }
    if (exchange == Py_None)
        return 1;
    if (!is(exchange, Exchange_))
        return -1;
    if (get(exchange, Exchange_met) == Py_None)
        return BINS > W(HARDLY);
    if (!open_filter(get(exchange, Exchange_met), &met))
        return -1;
    set_bins(&met, all->output.sketch, limits[limit_said]);
    return unmet_of(&met, 1) > W(HARDLY);
}

/* What is made before anything is written. */
typedef struct {
    PyObject *inputs, *sketches, *outputs;
} writing;

static int make(const spoken_of *all, PyObject *spoken, const spoken_now *now, writing *made)
{
    const int said = said_words(all) != 0, told = told_words(all) != 0;
    const int kept = said && all->output.words >= limits[limit_said_words] && all->output.sketch.size && !now->equal;
    made->inputs = told ? with_digest(all->inputs, limits[limit_inputs], all->told.masked)
                        : Py_NewRef(get(spoken, Spoken_inputs));
    made->outputs = said ? with_digest(all->outputs, limits[limit_outputs], all->output.masked)
                         : Py_NewRef(get(spoken, Spoken_outputs));
    made->sketches = sketches_with(all, told, kept);
    return made->inputs != NULL && made->outputs != NULL && made->sketches != NULL;
}

static int put_real(PyObject *owner, int field, double value)
{
    int odd = 0;
    if (real_of(get(owner, field), &odd) == value && !odd)
        return 1;
    PyObject *const made = value != 0.0 ? PyFloat_FromDouble(value) : Py_NewRef(nought);
    if (made == NULL)
        return 0;
    put(owner, field, made);
    return 1;
}

/* Write what was said, and who hears of it; -1 with an exception. */
static int write_said(const sight *its, const spoken_of *all, PyObject *spoken, const spoken_now *now,
                      const hearers *told, long weight)
{
    int odd = 0;
    const uint64_t digest = all->output.masked;
    if (now->grows && grow(spoken, Spoken_streak, its, &digest, 1) < 0)
        return -1;
    if (!now->equal && spread(its, told, weight) < 0)
        return -1;
    PyObject *const heard = PyLong_FromLongLong(heard_of(its, &odd));
    if (heard == NULL)
        return -1;
    put(spoken, Spoken_heard, heard);
    put_same(spoken, Spoken_at, get(its->seen, Observation_now));
    put_same(spoken, Spoken_size, get(all->output.print, Fingerprint_size));
    return 0;
}

static int write_all(const sight *its, const spoken_of *all, PyObject *spoken, const spoken_now *now,
                     const writing *made)
{
    PyObject *const history = its->history;
    put_same(history, History_index, get(its->seen, Observation_index));
    if (now->news && (now->history_hard != 0.0 || now->history_soft != 0.0) &&
        (!put_real(history, History_hard, now->history_hard * 0.5) || !put_real(history, History_soft, 0.0)))
        return -1;
    if (told_words(all))
        put_same(spoken, Spoken_prompted, truth(all->told.sketch.size != 0));
    put_same(spoken, Spoken_inputs, made->inputs);
    put_same(spoken, Spoken_outputs, made->outputs);
    put_same(spoken, Spoken_sketches, made->sketches);
    put_same(spoken, Spoken_acted, Py_False);
    if (now->ends)
        put_same(spoken, Spoken_streak, Py_None);
    if (get(history, History_spoken) != spoken)
        put_same(history, History_spoken, spoken);
    return put_real(spoken, Spoken_stale, now->stale) && put_real(spoken, Spoken_hard, now->hard) &&
                   put_real(spoken, Spoken_chain, now->chain)
               ? 0
               : -1;
}

/* Take an output in: 1, or 0 for the pure form, or -1. */
static int take(const sight *its, PyObject *said, PyObject *spoken)
{
    spoken_of all;
    spoken_now now;
    hearers told = {0};
    writing made = {0};
    int news = 0, odd = 0;
    if (!read_spoken(its, &all) || !read_now(its, said, spoken, &now) || get(spoken, Spoken_phrased) != Py_None)
        return 0;
    const int speaks = said_words(&all) != 0;
    heard_of(its, &odd);
    if (odd || !can_grow(get(spoken, Spoken_streak), its) || !can_grow(Py_None, its) || !find_hearers(its, &told) ||
        (speaks && now.new && (news = is_news(its, &all, spoken)) < 0))
        return 0;
    count_now(&now, speaks);
    int done = make(&all, spoken, &now, &made);
    if (done && (write_all(its, &all, spoken, &now, &made) < 0 ||
                 (speaks && write_said(its, &all, spoken, &now, &told, news ? limits[limit_news] : 1) < 0)))
        done = -1;
    Py_XDECREF(made.inputs);
    Py_XDECREF(made.outputs);
    Py_XDECREF(made.sketches);
    return done == 0 && PyErr_Occurred() ? -1 : done;
}

int learn_chat(const sight *its, PyObject *reading)
{
    PyObject *const said = get(reading, Reading_said), *const agent = get(its->scope, Scope_agent);
    if (!is(said, Said_) || get(reading, Reading_phrase) != Py_None || !is(agent, AgentState_) ||
        (its->human && get(agent, AgentState_template) != Py_None))
        return 0;
    PyObject *const spoken =
        its->spoken == Py_None ? PyObject_CallNoArgs((PyObject *)types[Spoken_]) : Py_NewRef(its->spoken);
    const int done = spoken == NULL ? -1 : take(its, said, spoken);
    Py_XDECREF(spoken);
    return done;
}
