/* Where the fields of the records and of the state lie in memory, and how they are read and written.
 *
 * A field of a msgspec struct is one reference at a fixed place in its object. Asking for it by name takes some 25 ns in
 * the stable ABI, and an event of the detectors asks for a hundred and more; `bind` (kernel.c) is told their places once.
 * Nothing here is kept from call to call but types, places and functions.
 */
#ifndef AGENTWATCH_SLOTS_H
#define AGENTWATCH_SLOTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "bytes.h"
#include "named.h"

extern PyTypeObject *types[CLASS_COUNT];
extern Py_ssize_t places[FIELD_COUNT];
extern Py_ssize_t sizes[CLASS_COUNT]; /* bytes of an object of each class */
extern PyObject *pure[FUNCTION_COUNT];
extern PyObject *words[WORD_COUNT];
extern PyObject *klasses[KLASS_COUNT];
extern long limits[LIMIT_COUNT];
extern double weights[WEIGHT_COUNT];
extern long likenesses[LIKENESS_COUNT]; /* bins */
extern PyObject *one, *zero, *nought, *none_open; /* 1, 0, 0.0, -1 */

static inline int is(PyObject *object, int class) { return Py_TYPE(object) == types[class]; }

/* A borrowed reference, which holds until the field is written. A field without a value reads as None. */
static inline PyObject *get(PyObject *object, int field)
{
    PyObject *const found = *(PyObject **)((char *)object + places[field]);
    return found == NULL ? Py_None : found;
}

/* Put a reference that is given away into a field. What was there goes last: its end may run any code. */
static inline void put(PyObject *object, int field, PyObject *value)
{
    PyObject **const slot = (PyObject **)((char *)object + places[field]);
    PyObject *const before = *slot;
    *slot = value;
    Py_XDECREF(before);
}

static inline void put_same(PyObject *object, int field, PyObject *value) { put(object, field, Py_NewRef(value)); }

/* Whether a string is one of the words, or an optional one absent; anything that is neither is for the pure form. */
static inline int is_word(PyObject *given, int word) { return given == words[word]; }

static inline int is_known_word(PyObject *given)
{
    for (int word = 0; word < WORD_COUNT; word++)
        if (given == words[word])
            return 1;
    return 0;
}

static inline int has_text(PyObject *given) { return PyUnicode_Check(given) && PyUnicode_GetLength(given) > 0; }

#define NO_BYTES {(const uint8_t *)"", 0} /* a view of none: no function of C takes a null pointer, not even for none */

/* How numbers lie in their objects (numbers.c): the word behind the head of a whole one of no to three digits of 30 bits,
 * and whether a real one is the eight bytes there. What is not as it was found is asked of Python. */
enum { DIGITS = 3, DIGIT_BITS = 30, TOP_DIGIT = 15 };
extern uint64_t digit_words[DIGITS + 1];
extern int has_reals;
void look_at_numbers(void);

static inline const uint8_t *behind_head(PyObject *object) { return (const uint8_t *)object + sizeof(PyObject); }

/* Read a whole number of Python's own type that is none below zero and fits; 0 where it may be another. */
static inline int has_whole(PyObject *given, uint64_t *value)
{
    const uint8_t *const at = behind_head(given), *const digits = at + 8;
    const uint64_t word = load64(at);
    if (word == digit_words[1])
        *value = load32(digits);
    else if (word == digit_words[3] && load32(digits + 8) <= TOP_DIGIT)
        *value = load32(digits) | (uint64_t)load32(digits + 4) << DIGIT_BITS | (uint64_t)load32(digits + 8) << 2 * DIGIT_BITS;
    else if (word == digit_words[2])
        *value = load32(digits) | (uint64_t)load32(digits + 4) << DIGIT_BITS;
    else if (word == digit_words[0])
        *value = 0;
    else
        return 0;
    return 1;
}

/* Read what must be of a type into a C value; `odd` is set, and no exception, where it is of another or too large. */
static inline double real_of(PyObject *given, int *odd)
{
    double found = 0.0;
    if (!PyFloat_CheckExact(given))
        *odd = 1;
    else if (has_reals)
        memcpy(&found, behind_head(given), sizeof found);
    else
        found = PyFloat_AsDouble(given);
    return found;
}

static inline long long whole_of(PyObject *given, int *odd)
{
    int over = 0;
    uint64_t value;
    if (PyLong_CheckExact(given) && has_whole(given, &value) && value <= INT64_MAX)
        return (long long)value;
    const long long found = PyLong_CheckExact(given) ? PyLong_AsLongLongAndOverflow(given, &over) : (over = 1, 0);
    *odd |= over;
    return found;
}

static inline uint64_t digest_of(PyObject *given, int *odd)
{
    uint64_t value;
    if (PyLong_CheckExact(given) && has_whole(given, &value))
        return value;
    const unsigned long long found = PyLong_CheckExact(given) ? PyLong_AsUnsignedLongLong(given) : (*odd = 1, 0);
    if (found == (unsigned long long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        *odd = 1;
    }
    return found;
}

/* Add to a whole number; -1 with an exception. Both are known to be of Python's own type, so that no code runs. */
static inline int add(PyObject *object, int field, PyObject *amount)
{
    PyObject *const before = get(object, field);
    uint64_t held, added;
    PyObject *const sum = PyLong_CheckExact(before) && PyLong_CheckExact(amount) && has_whole(before, &held) &&
                                  has_whole(amount, &added) && held <= INT64_MAX / 2 && added <= INT64_MAX / 2
                              ? PyLong_FromLongLong((long long)(held + added))
                              : PyNumber_Add(before, amount);
    if (sum == NULL)
        return -1;
    put(object, field, sum);
    return 0;
}

static inline view bytes_in(PyObject *given, int *odd)
{
    char *at = "";
    Py_ssize_t size = 0;
    if (!PyBytes_CheckExact(given) || PyBytes_AsStringAndSize(given, &at, &size) < 0) {
        PyErr_Clear();
        *odd = 1;
    }
    return (view){(const uint8_t *)at, (size_t)size};
}

/* A sketch is a whole one or none. */
static inline view sketch_in(PyObject *given, int *odd)
{
    const view found = bytes_in(given, odd);
    *odd |= found.size != 0 && found.size != BINS;
    return found;
}

static inline int truth_of(PyObject *given, int *odd)
{
    *odd |= given != Py_True && given != Py_False;
    return given == Py_True;
}

static inline PyObject *truth(int whether) { return whether ? Py_True : Py_False; }

static inline view text_in(PyObject *given, int *odd)
{
    Py_ssize_t size = 0;
    const char *const at = PyUnicode_Check(given) ? PyUnicode_AsUTF8AndSize(given, &size) : NULL;
    if (at == NULL) {
        PyErr_Clear();
        *odd = 1;
    }
    return (view){(const uint8_t *)(at ? at : ""), (size_t)size};
}

/* rings.c: byte strings of entries, oldest first; a digest is eight bytes, the lowest first */
enum { DIGEST = 8, CALL = 21, AT_ANSWER = 8, AT_TIME = 16, AT_MARK = 20 }; /* history.py: an entry of the ring of calls */
enum { FAILED = 1, WRITE = 2, FRESH = 4 };                                 /* its mark */
uint64_t mixed(uint64_t a, uint64_t b);
void store64(uint8_t *at, uint64_t value);
int has_digest(view ring, size_t step, size_t offset, uint64_t digest); /* at this offset of an entry of `step` bytes */
/* Give the ring without its head, and with more at its end; NULL without an exception where it is too long or too short
 * for that, as one of another version may be, which is for the pure form. `added` is an entry. */
PyObject *with_end(view ring, size_t dropped, view added);
PyObject *with_digest(view ring, long most, uint64_t digest); /* the same */
int most_agreeing(view sketch, view others); /* with any of some sketches, one after the other */

/* near.py: an entry is its own size, five digests, marks, times in a row, then sketches and numbers */
enum { NEAR_TOOL = 1, NEAR_CALL = 9, NEAR_SHAPE = 17, NEAR_RESULT = 25, NEAR_RESULT_SHAPE = 33, NEAR_MARKS = 41 };
enum { NEAR_SAME = 42, NEAR_HEAD = 43, MOST_RING = 3072 };
enum { NEAR_FAILED = 1, NEAR_ARGUMENTS = 2, NEAR_ANSWER = 4, NEAR_SMALL = 8, NEAR_UP = 16, NEAR_DOWN = 32 };
int next_near(view ring, size_t *at, view *entry); /* 1 with the next entry, 0 at the end, -1 where it is none */
view near_answer(view entry);

/* What an event, its place and its reading are, once all are known to be of their types. */
typedef struct {
    PyObject *seen, *scope, *event, *prints, *run, *root, *history, *spoken, *op, *status; /* spoken may be None */
    int human; /* whether a human set the event off */
} sight;
typedef struct {
    PyObject *print; /* None where there is none, and then nothing else counts */
    uint64_t masked;
    long long words;
    view sketch;
} text;

/* sight.c: what is found out of an event once, while C takes it as a whole; `forget_known` ends that. */
enum { TEXTS = 4 };
typedef struct {
    PyObject *seen, *scope, *prints[TEXTS], *tool_name;
    int whole, odd[TEXTS], odd_tool; /* whole: all that a sight shows is of its type */
    sight its;
    text texts[TEXTS];
    uint64_t tool;
} known;
void know(known *all, PyObject *seen, PyObject *scope); /* holds until it is forgotten; both outlive it */
void forget_known(void);
int look(PyObject *seen, PyObject *scope, sight *its);
text text_of(PyObject *print, int *odd);
uint64_t tool_digest(PyObject *tool, int *odd);
uint64_t name_digest(PyObject *name, int *odd); /* the same of any name */
int is_alone(const sight *its, int *odd); /* nobody else hears of what is new here */

/* streak.py: `can_grow` says whether a repetition, or None for one that begins, is as C takes it; then these give a new
 * reference, or put it into the field of the streak; NULL and -1 with an exception. */
int can_grow(PyObject *streak, const sight *its);
PyObject *grown(PyObject *streak, const sight *its, const uint64_t *digests, size_t count);
int grow(PyObject *owner, int field, const sight *its, const uint64_t *digests, size_t count);

/* news.py: who hears of something new; `find_hearers` gives 0 for the pure form, `spread` -1 with an exception. */
enum { MOST_ANCESTORS = 16 };
typedef struct {
    PyObject *above[MOST_ANCESTORS], *addressee; /* borrowed; NULL where it is for nobody */
    int count;
} hearers;
long long heard_of(const sight *its, int *odd);
int find_hearers(const sight *its, hearers *all);
int spread(const sight *its, const hearers *all, long weight);

int is_no_round(PyObject *seen, PyObject *scope, PyObject *options); /* whether `cycle` says nothing of the event */

PyObject *read_chat(const sight *its);   /* a new reading; NULL without an exception where the pure form must do it */
int learn_chat(const sight *its, PyObject *reading); /* 1 when done, 0 where the pure form must do it, -1 */

/* What a panel of detectors is for events of one `op` (bank.py: `Parts`). */
enum { PANEL_HEARS, PANEL_CALM, PANEL_ACCUSED, PANEL_LEARNS, PANEL_SIZE };

#define FAST(name) PyObject *py_##name(PyObject *module, PyObject *const *given, Py_ssize_t count)
FAST(account);
FAST(read);
FAST(learn);
FAST(learn_cycle);
FAST(learn_context);
FAST(ask);
FAST(tell);
FAST(take);
FAST(mask);

/* Hand an event to the pure form; both arguments are those of the call. */
static inline PyObject *ask_pure(int function, PyObject *const *given)
{
    return PyObject_CallFunctionObjArgs(pure[function], given[0], given[1], NULL);
}

static inline int expects_two(Py_ssize_t count)
{
    if (count != 2)
        PyErr_Format(PyExc_TypeError, "2 arguments are wanted, %zd are given", count);
    return count == 2;
}

#endif
