/* The type `Maker`, and its one method: the prints of a batch of events. */
#include "maker.h"
#include "place.h"

#include <structmember.h>

#define NAME_CLASS(class) #class,
#define NAME_FIELD(class, field) #class "." #field,
#define NAME_GIVEN(name) #name,
static const char *const class_names[] = {CLASSES(NAME_CLASS)};
static const char *const field_names[] = {FIELDS(NAME_FIELD)};
static const char *const given_names[] = {GIVEN(NAME_GIVEN)};
#define AS_OWNER(class, field) class##_,
static const int owners[] = {FIELDS(AS_OWNER)};

/* Room to work in, of one batch: what is asked of Python may come back with another. */
typedef struct {
    scratch folded[TEXTS], work;
} rooms;

static PyObject *print_sent(const maker *its, PyObject *sent, int text)
{
    PyObject *const field = sent == Py_None ? Py_None : get(its, sent, PrivatePrints_input + text);
    return field == Py_None ? Py_NewRef(Py_None) : print_received(its, field, get(its, sent, PrivatePrints_kid));
}

static PyObject *whole(const maker *its, PyObject *const *found)
{
    PyObject *const prints = new_object(its, Prints_);
    for (int text = 0; text < TEXTS; text++) {
        if (prints != NULL)
            fill(its, prints, Prints_input + text, found[text]);
        else
            Py_DECREF(found[text]);
    }
    return prints;
}

/* Make the prints of an event whose texts are found; those that it has not are what its producer sent, or None. */
static PyObject *prints_of_found(maker *its, PyObject *event, const found_text *texts, rooms *room)
{
    PyObject *found[TEXTS], *const sent = get(its, event, Event_fp);
    int count = 0;
    for (; count < TEXTS; count++) {
        role *const as = its->roles + its->role_of[count];
        const int own = get(its, event, Event_input + count) != Py_None;
        found[count] = own ? print_of_text(its, texts + count, as, &room->work) : print_sent(its, sent, count);
        if (found[count] == NULL)
            break;
    }
    if (count == TEXTS)
        return whole(its, found);
    while (count > 0)
        Py_DECREF(found[--count]);
    return NULL;
}

/* First all texts are found, so that what is known of one is fetched while the next is read. */
static PyObject *prints_of(maker *its, PyObject *event, rooms *room)
{
    found_text texts[TEXTS] = {0};
    int failed = 0, none = 1;
    PyObject *const sent = get(its, event, Event_fp);
    if (sent != Py_None && Py_TYPE(sent) != its->types[PrivatePrints_])
        return PyErr_Format(PyExc_TypeError, "`fp` of an event is no PrivatePrints");
    for (int text = 0; text < TEXTS && !failed; text++) {
        PyObject *const own = get(its, event, Event_input + text);
        if (own == Py_None)
            continue;
        none = 0;
        failed = find_text(its, own, its->roles + its->role_of[text], room->folded + text, texts + text) < 0;
    }
    PyObject *const prints = failed                    ? NULL
                             : none && sent == Py_None ? Py_NewRef(its->values[given_no_prints])
                                                       : prints_of_found(its, event, texts, room);
    for (int text = 0; text < TEXTS; text++)
        Py_XDECREF(texts[text].held);
    return prints;
}

/* Fetch an event's fields, early. */
static void foresee_event(const maker *its, PyObject *event)
{
    __builtin_prefetch(event);
    for (int field = Event_input; field <= Event_fp; field++)
        __builtin_prefetch((const void *)((uintptr_t)event + (uintptr_t)its->places[field]));
}

/* Fetch its texts, early. */
static void foresee_texts(const maker *its, PyObject *event)
{
    if (Py_TYPE(event) != its->types[Event_])
        return;
    for (int text = 0; text < TEXTS; text++) {
        const uintptr_t own = (uintptr_t)get(its, event, Event_input + text);
        __builtin_prefetch((const void *)own);
        __builtin_prefetch((const void *)(own + BLOCK));
    }
}

static PyObject *batch(PyObject *self, PyObject *events)
{
    maker *const its = (maker *)self;
    rooms room = {0};
    PyObject *const all = PySequence_Tuple(events);
    const Py_ssize_t count = all == NULL ? 0 : PyTuple_Size(all);
    PyObject *made = all == NULL ? NULL : PyList_New(count);
    for (Py_ssize_t at = 0; made != NULL && at < count; at++) {
        PyObject *const event = PyTuple_GetItem(all, at), *prints = NULL;
        if (at + 2 < count)
            foresee_event(its, PyTuple_GetItem(all, at + 2));
        if (at + 1 < count)
            foresee_texts(its, PyTuple_GetItem(all, at + 1));
        if (Py_TYPE(event) == its->types[Event_])
            prints = prints_of(its, event, &room);
        else
            PyErr_Format(PyExc_TypeError, "events are wanted");
        if (prints == NULL || PyList_SetItem(made, at, prints) < 0)
            Py_CLEAR(made);
    }
    Py_XDECREF(all);
    for (int text = 0; text < TEXTS; text++)
        clear(room.folded + text);
    clear(&room.work);
    return made;
}

static int take_tuple(PyObject *given, Py_ssize_t count, const char *what)
{
    if (PyTuple_Check(given) && PyTuple_Size(given) == count)
        return 0;
    PyErr_Format(PyExc_TypeError, "%s are a tuple of %zd", what, count);
    return -1;
}

static int take_places(maker *its, PyObject *given)
{
    for (int at = 0; at < CLASS_COUNT; at++) {
        its->types[at] = (PyTypeObject *)PyTuple_GetItem(its->classes, at);
        if (!PyType_Check(PyTuple_GetItem(its->classes, at))) {
            PyErr_Format(PyExc_TypeError, "%s is no type", class_names[at]);
            return -1;
        }
    }
    for (int at = 0; at < FIELD_COUNT; at++) {
        const Py_ssize_t most = size_of_objects((PyObject *)its->types[owners[at]]), step = (Py_ssize_t)sizeof(PyObject *);
        const Py_ssize_t place = PyLong_AsSsize_t(PyTuple_GetItem(given, at));
        if (PyErr_Occurred())
            return -1;
        if (place < (Py_ssize_t)sizeof(PyObject) || place + step > most || place % step) {
            PyErr_Format(PyExc_ValueError, "%s cannot lie at %zd of %zd bytes", field_names[at], place, most);
            return -1;
        }
        its->places[at] = place;
    }
    return 0;
}

static int take_manners(maker *its, PyObject *sketched, size_t cap, size_t entries)
{
    if (PyBytes_Size(its->watched) != WATCH_BYTES || cap < 2 || cap > SIZE_MAX / 4) {
        PyErr_Format(PyExc_ValueError, "watched has %d bytes, and the cap is two at least", WATCH_BYTES);
        return -1;
    }
    for (int text = 0; text < TEXTS; text++) {
        const int wanted = PyObject_IsTrue(PyTuple_GetItem(sketched, text));
        if (wanted < 0)
            return -1;
        its->role_of[text] = text == RESULT ? ROLES - 1 : wanted;
        its->roles[ROLES - 1].how.sketch = wanted; /* the last text is the result */
    }
    its->roles[1].how.sketch = its->roles[ROLES - 1].how.result = 1;
    for (int at = 0; at < ROLES; at++) {
        its->roles[at].how.cap = cap;
        its->roles[at].how.watched = (const uint8_t *)PyBytes_AsString(its->watched);
        if (open_memory(&its->roles[at].known, entries) < 0)
            return -1;
    }
    return 0;
}

static int take(maker *its, PyObject *given)
{
    PyObject *classes, *places, *values, *sketched, *watched;
    Py_ssize_t cap, entries;
    if (!PyArg_ParseTuple(given, "OOOOnnS", &classes, &places, &values, &sketched, &cap, &entries, &watched) ||
        take_tuple(classes, CLASS_COUNT, "classes") < 0 || take_tuple(places, FIELD_COUNT, "places") < 0 ||
        take_tuple(values, GIVEN_COUNT, "given values") < 0 || take_tuple(sketched, TEXTS, "sketched") < 0)
        return -1;
    its->classes = Py_NewRef(classes);
    its->given = Py_NewRef(values);
    its->watched = Py_NewRef(watched);
    for (int at = 0; at < GIVEN_COUNT; at++)
        its->values[at] = PyTuple_GetItem(values, at);
    return take_places(its, places) < 0 ? -1 : take_manners(its, sketched, (size_t)cap, (size_t)entries);
}

static PyObject *new_maker(PyTypeObject *type, PyObject *given, PyObject *named)
{
    if (named != NULL && PyDict_Size(named))
        return PyErr_Format(PyExc_TypeError, "no argument is named");
    PyObject *its = PyType_GenericAlloc(type, 0);
    if (its != NULL && take((maker *)its, given) < 0)
        Py_CLEAR(its);
    return its;
}

static void drop_maker(PyObject *self)
{
    maker *const its = (maker *)self;
    PyTypeObject *const type = Py_TYPE(self);
    for (int at = 0; at < ROLES; at++)
        close_memory(&its->roles[at].known);
    Py_XDECREF(its->classes);
    Py_XDECREF(its->given);
    Py_XDECREF(its->watched);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"batch", batch, METH_O, "The prints of events, in their order."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"texts", T_PYSSIZET, offsetof(maker, texts), READONLY, "How many texts were fingerprinted."},
    {"hits", T_PYSSIZET, offsetof(maker, hits), READONLY, "How many of them were known."},
    {"sketched", T_PYSSIZET, offsetof(maker, sketched), READONLY, "How many were sketched."},
    {"evicted", T_PYSSIZET, offsetof(maker, evicted), READONLY, "How many were forgotten."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, (void *)new_maker},
    {Py_tp_dealloc, (void *)drop_maker},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {0, NULL},
};

static PyType_Spec spec = {
    "agentwatch.fingerprint._compiled.Maker", sizeof(maker), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots,
};

int add_maker(PyObject *module)
{
    PyObject *const type = PyType_FromModuleAndSpec(module, &spec, NULL);
    const int failed = type == NULL ? -1 : PyModule_AddObjectRef(module, "Maker", type);
    Py_XDECREF(type);
    return failed < 0 || add_names(module, "CLASSES", class_names, CLASS_COUNT) < 0 ||
                   add_names(module, "FIELDS", field_names, FIELD_COUNT) < 0
               ? -1
               : add_names(module, "GIVEN", given_names, GIVEN_COUNT);
}
