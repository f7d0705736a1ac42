/* The module `agentwatch.detect._kernel`: what Python sees of the compiled detection (the stub is _kernel.pyi). */
#include "phrases.h"
#include "place.h"
#include "places.h"
#include "tally.h"

#define INTERFACE 15 /* grows when a function or a field here changes; kernel.py asks for it */

PyTypeObject *types[CLASS_COUNT];
Py_ssize_t places[FIELD_COUNT], sizes[CLASS_COUNT];
PyObject *pure[FUNCTION_COUNT];
PyObject *words[WORD_COUNT];
PyObject *klasses[KLASS_COUNT];
long limits[LIMIT_COUNT];
double weights[WEIGHT_COUNT];
long likenesses[LIKENESS_COUNT];
PyObject *phrases[PHRASE_COUNT];
PyObject *one, *zero, *nought, *none_open;

#define NAME_CLASS(class) #class,
#define NAME_FIELD(class, field) #class "." #field,
#define NAME_FUNCTION(function) #function,
#define NAME_WORD(word) #word,
#define NAME_LIMIT(limit) #limit,
#define NAME_PHRASE(name, words) words,
#define NAME_WEIGHT(module, name) #module "." #name,
#define NAME_KLASS(klass) #klass,
#define NAME_WATCHER(watcher) #watcher,
static const char *const class_names[] = {CLASSES(NAME_CLASS)};
static const char *const field_names[] = {FIELDS(NAME_FIELD)};
static const char *const function_names[] = {FUNCTIONS(NAME_FUNCTION)};
static const char *const word_names[] = {WORDS(NAME_WORD)};
static const char *const limit_names[] = {LIMITS(NAME_LIMIT)};
static const char *const weight_names[] = {WEIGHTS(NAME_WEIGHT)};
static const char *const likeness_names[] = {LIKENESSES(NAME_WEIGHT)};
static const char *const phrase_texts[] = {PHRASES(NAME_PHRASE)};
static const char *const klass_names[] = {KLASSES(NAME_KLASS)};
static const char *const watcher_names[] = {WATCHERS(NAME_WATCHER)};
#define AS_OWNER(class, field) class##_,
static const int owners[] = {FIELDS(AS_OWNER)};

/* Take the items of a tuple; -1 with an exception where it is none of the right size. */
static int is_tuple_of(PyObject *given, Py_ssize_t count, const char *what)
{
    if (PyTuple_Check(given) && PyTuple_Size(given) == count)
        return 1;
    PyErr_Format(PyExc_TypeError, "%s are a tuple of %zd", what, count);
    return 0;
}

static int read_places(PyObject *classes, PyObject *given, Py_ssize_t *taken)
{
    for (Py_ssize_t at = 0; at < CLASS_COUNT; at++)
        if (!PyType_Check(PyTuple_GetItem(classes, at))) {
            PyErr_Format(PyExc_TypeError, "%s is no type", class_names[at]);
            return -1;
        }
    for (Py_ssize_t at = 0; at < FIELD_COUNT; at++) {
        const Py_ssize_t most = size_of_objects(PyTuple_GetItem(classes, owners[at]));
        const Py_ssize_t place = PyLong_AsSsize_t(PyTuple_GetItem(given, at));
        if (PyErr_Occurred())
            return -1;
        if (place < (Py_ssize_t)sizeof(PyObject) || place + (Py_ssize_t)sizeof(PyObject *) > most ||
            place % (Py_ssize_t)sizeof(PyObject *)) {
            PyErr_Format(PyExc_ValueError, "%s cannot lie at %zd of %zd bytes", field_names[at], place, most);
            return -1;
        }
        taken[at] = place;
    }
    return 0;
}

/* An object of a class goes as far as its last field that is known. */
static void measure(void)
{
    memset(sizes, 0, sizeof sizes);
    for (Py_ssize_t at = 0; at < FIELD_COUNT; at++) {
        const Py_ssize_t end = places[at] + (Py_ssize_t)sizeof(PyObject *);
        sizes[owners[at]] = end > sizes[owners[at]] ? end : sizes[owners[at]];
    }
}

static int read_whole(PyObject *given, Py_ssize_t count, const char *const *names, long *taken)
{
    for (Py_ssize_t at = 0; at < count; at++) {
        const long limit = PyLong_AsLong(PyTuple_GetItem(given, at));
        if (PyErr_Occurred())
            return -1;
        if (limit < 0 || limit > 1L << 30) {
            PyErr_Format(PyExc_ValueError, "%s cannot be %ld", names[at], limit);
            return -1;
        }
        taken[at] = limit;
    }
    return 0;
}

static int read_limits(PyObject *given, long *taken)
{
    if (read_whole(given, LIMIT_COUNT, limit_names, taken) < 0)
        return -1;
    if (taken[limit_numbers] <= MOST_NUMBERS)
        return 0;
    PyErr_Format(PyExc_ValueError, "no more than %d numbers are kept", MOST_NUMBERS);
    return -1;
}

static int read_weights(PyObject *given, double *taken)
{
    for (Py_ssize_t at = 0; at < WEIGHT_COUNT; at++) {
        taken[at] = PyFloat_AsDouble(PyTuple_GetItem(given, at));
        if (PyErr_Occurred())
            return -1;
    }
    return 0;
}

static void take_all(PyObject **into, PyObject *given, Py_ssize_t count)
{
    for (Py_ssize_t at = 0; at < count; at++) {
        PyObject *const before = into[at];
        into[at] = Py_NewRef(PyTuple_GetItem(given, at));
        Py_XDECREF(before);
    }
}

/* bind(classes, places, functions, klasses, limits, weights, likenesses): as `CLASSES`, `FIELDS`, `FUNCTIONS`, … name them; all, or none */
static PyObject *py_bind(PyObject *module, PyObject *const *given, Py_ssize_t count)
{
    (void)module;
    Py_ssize_t new_places[FIELD_COUNT];
    long new_limits[LIMIT_COUNT];
    long new_likenesses[LIKENESS_COUNT];
    double new_weights[WEIGHT_COUNT];
    if (count != 7)
        return PyErr_Format(PyExc_TypeError, "7 arguments are wanted, %zd are given", count);
    if (!is_tuple_of(given[0], CLASS_COUNT, "classes") || !is_tuple_of(given[1], FIELD_COUNT, "places") ||
        !is_tuple_of(given[2], FUNCTION_COUNT, "functions") || !is_tuple_of(given[3], KLASS_COUNT, "klasses") ||
        !is_tuple_of(given[4], LIMIT_COUNT, "limits") || !is_tuple_of(given[5], WEIGHT_COUNT, "weights") ||
        !is_tuple_of(given[6], LIKENESS_COUNT, "likenesses") || read_weights(given[5], new_weights) < 0 ||
        read_whole(given[6], LIKENESS_COUNT, likeness_names, new_likenesses) < 0 || read_places(given[0], given[1], new_places) < 0 ||
        read_limits(given[4], new_limits) < 0)
        return NULL;
    memcpy(places, new_places, sizeof places);
    measure();
    memcpy(limits, new_limits, sizeof limits);
    memcpy(weights, new_weights, sizeof weights);
    memcpy(likenesses, new_likenesses, sizeof likenesses);
    for (Py_ssize_t at = 0; at < CLASS_COUNT; at++) {
        PyObject *const before = (PyObject *)types[at];
        types[at] = (PyTypeObject *)Py_NewRef(PyTuple_GetItem(given[0], at));
        Py_XDECREF(before);
    }
    take_all(pure, given[2], FUNCTION_COUNT);
    take_all(klasses, given[3], KLASS_COUNT);
    return Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
    {"bind", (PyCFunction)(void (*)(void))py_bind, METH_FASTCALL, "Tell classes, places of fields, and pure functions."},
    {"account", (PyCFunction)(void (*)(void))py_account, METH_FASTCALL, "Count an event into all that it belongs to."},
    {"read", (PyCFunction)(void (*)(void))py_read, METH_FASTCALL, "Read what an event means into its scope."},
    {"learn", (PyCFunction)(void (*)(void))py_learn, METH_FASTCALL, "Take an event that was read into the history."},
    {"ask", (PyCFunction)(void (*)(void))py_ask, METH_FASTCALL, "Give the signals of an event."},
    {"tell", (PyCFunction)(void (*)(void))py_tell, METH_FASTCALL, "Let the detectors learn from an event."},
    {"take", (PyCFunction)(void (*)(void))py_take, METH_FASTCALL, "Count an event, read it and judge it."},
    {"mask", (PyCFunction)(void (*)(void))py_mask, METH_FASTCALL, "Give the bits that a sketch's bins fall on."},
    {NULL, NULL, 0, NULL},
};

/* What is bound is one for the process, so that a second interpreter in it has to run the pure form. */
static int is_first_interpreter(void)
{
    static int64_t first = -1;
    const int64_t mine = PyInterpreterState_GetID(PyInterpreterState_Get());
    if (first < 0)
        first = mine;
    if (first != mine && !PyErr_Occurred())
        PyErr_SetString(PyExc_ImportError, "the compiled form of detection serves one interpreter of a process");
    return first == mine;
}

static int add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *const made = PyType_FromModuleAndSpec(module, spec, NULL);
    const int failed = made == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)made);
    Py_XDECREF(made);
    return failed;
}

static int fill(PyObject *module)
{
    if (!is_first_interpreter())
        return -1;
    for (Py_ssize_t at = 0; at < WORD_COUNT; at++)
        if (words[at] == NULL && (words[at] = PyUnicode_InternFromString(word_names[at])) == NULL)
            return -1;
    for (Py_ssize_t at = 0; at < PHRASE_COUNT; at++)
        if (phrases[at] == NULL && (phrases[at] = PyUnicode_InternFromString(phrase_texts[at])) == NULL)
            return -1;
    if (one == NULL && ((one = PyLong_FromLong(1)) == NULL || (zero = PyLong_FromLong(0)) == NULL ||
                        (none_open = PyLong_FromLong(-1)) == NULL || (nought = PyFloat_FromDouble(0.0)) == NULL))
        return -1;
    look_at_numbers();
    return add_names(module, "CLASSES", class_names, CLASS_COUNT) < 0 ||
                   add_names(module, "FIELDS", field_names, FIELD_COUNT) < 0 ||
                   add_names(module, "FUNCTIONS", function_names, FUNCTION_COUNT) < 0 ||
                   add_names(module, "KLASSES", klass_names, KLASS_COUNT) < 0 ||
                   add_names(module, "LIMITS", limit_names, LIMIT_COUNT) < 0 ||
                   add_names(module, "LIKENESSES", likeness_names, LIKENESS_COUNT) < 0 ||
                   add_names(module, "WEIGHTS", weight_names, WEIGHT_COUNT) < 0 ||
                   add_names(module, "WATCHERS", watcher_names, WATCHER_COUNT) < 0 || add_type(module, &places_spec) < 0 || add_type(module, &tally_spec) < 0
               ? -1
               : PyModule_AddIntConstant(module, "INTERFACE", INTERFACE);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)fill}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_kernel", "The compiled form of detection.", 0, functions, slots, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&definition); }
