/* The type `Maker`: what it knows of Python's records, how it treats texts, and what it remembers of them.
 *
 * A field of a msgspec struct is one reference at a fixed place in its object. compiled.py finds these places by
 * looking, and makes a Maker of them; where they do not fit, there is none.
 */
#ifndef AGENTWATCH_MAKER_H
#define AGENTWATCH_MAKER_H

#include "measure.h"
#include "memory.h"
#include "module.h"

#define CLASSES(CLASS) CLASS(Event) CLASS(PrivatePrints) CLASS(FieldPrint) CLASS(Fingerprint) CLASS(Prints)

/* The four texts come in one order everywhere, and nothing between them. */
#define FIELDS(FIELD)                                                                                                  \
    FIELD(Event, input) FIELD(Event, output) FIELD(Event, arguments) FIELD(Event, result) FIELD(Event, fp)             \
    FIELD(PrivatePrints, input) FIELD(PrivatePrints, output) FIELD(PrivatePrints, arguments)                           \
    FIELD(PrivatePrints, result) FIELD(PrivatePrints, kid)                                                             \
    FIELD(FieldPrint, exact) FIELD(FieldPrint, masked) FIELD(FieldPrint, shape) FIELD(FieldPrint, sketch)              \
    FIELD(FieldPrint, pieces) FIELD(FieldPrint, size) FIELD(FieldPrint, words) FIELD(FieldPrint, klass)                \
    FIELD(FieldPrint, numbers)                                                                                         \
    FIELD(Fingerprint, exact) FIELD(Fingerprint, masked) FIELD(Fingerprint, shape) FIELD(Fingerprint, size)            \
    FIELD(Fingerprint, words) FIELD(Fingerprint, klass) FIELD(Fingerprint, sketch) FIELD(Fingerprint, numbers)         \
    FIELD(Fingerprint, kid) FIELD(Fingerprint, pieces)                                                                 \
    FIELD(Prints, input) FIELD(Prints, output) FIELD(Prints, arguments) FIELD(Prints, result)

/* What is asked of the pure form, and the values that stand in fingerprints again and again. */
#define GIVEN(ONE)                                                                                                     \
    ONE(canonical) ONE(rewritten) ONE(classify) ONE(read) ONE(content) ONE(empty) ONE(no_prints) ONE(no_text)          \
    ONE(no_bytes) ONE(no_numbers)

#define AS_CLASS(class) class##_,
#define AS_FIELD(class, field) class##_##field,
#define AS_GIVEN(name) given_##name,
enum { CLASSES(AS_CLASS) CLASS_COUNT };
enum { FIELDS(AS_FIELD) FIELD_COUNT };
enum { GIVEN(AS_GIVEN) GIVEN_COUNT };
enum { TEXTS = 4, RESULT = 3, ROLES = 3 }; /* a role: texts that are not results without a sketch, with one, results */

typedef struct {
    manner how;
    memory known;
} role;

typedef struct {
    PyObject_HEAD
    PyObject *classes, *given, *watched; /* tuples, and bytes */
    PyTypeObject *types[CLASS_COUNT];    /* these and the next are borrowed from them */
    PyObject *values[GIVEN_COUNT];
    Py_ssize_t places[FIELD_COUNT];
    role roles[ROLES];
    int role_of[TEXTS];
    Py_ssize_t texts, hits, sketched, evicted;
} maker;

/* A borrowed reference. A field without a value reads as None. */
static inline PyObject *get(const maker *its, PyObject *object, int field)
{
    PyObject *const found = *(PyObject **)((char *)object + its->places[field]);
    return found == NULL ? Py_None : found;
}

/* Fill a field of a new object; the reference is given away. */
static inline void fill(const maker *its, PyObject *object, int field, PyObject *value)
{
    *(PyObject **)((char *)object + its->places[field]) = value;
}

/* An object whose fields are all still to be filled; they may stay empty where it is dropped. */
static inline PyObject *new_object(const maker *its, int class) { return PyType_GenericAlloc(its->types[class], 0); }

/* A text whose canonical form is found: a view of the text, of the room, or of bytes that are held. */
typedef struct {
    view plain;
    PyObject *held;
    uint64_t exact;
} found_text;

/* prints.c: fingerprints as objects; new references, or NULL with an exception */
int find_text(const maker *its, PyObject *text, const role *as, scratch *room, found_text *found); /* -1 with an exception */
PyObject *print_of_text(maker *its, const found_text *text, role *as, scratch *room);
PyObject *print_received(const maker *its, PyObject *field, PyObject *kid);

#endif
