/* Fingerprints as Python's objects: of a text, known or new, and of what a producer sent instead of one. */
#include "canonical.h"
#include "maker.h"

PyObject *numbers_of(const figures *its)
{
    PyObject *given = PyTuple_New((Py_ssize_t)its->numbers_found);
    for (size_t at = 0; given != NULL && at < its->numbers_found; at++) {
        PyObject *value = PyFloat_FromDouble(its->numbers[at]);
        if (value == NULL || PyTuple_SetItem(given, (Py_ssize_t)at, value) < 0)
            Py_CLEAR(given);
    }
    return given;
}

/* Find a text's canonical form; what the compiled form cannot do is asked of the pure one, whose bytes are to be held. */
static int canonical_form(const maker *its, PyObject *text, scratch *room, view *plain, PyObject **held)
{
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "a text of an event is a string");
        return -1;
    }
    if (!fold_text(text, plain, room)) {
        if (!PyErr_Occurred())
            *held = PyObject_CallFunctionObjArgs(its->values[given_canonical], text, NULL);
    } else {
        const uint8_t first = plain->size ? plain->at[0] : 0, last = plain->size ? plain->at[plain->size - 1] : 0;
        if ((first != '{' || last != '}') && (first != '[' || last != ']'))
            return 0;
        PyObject *const before = bytes_of(plain->at, plain->size);
        if (before != NULL)
            *held = PyObject_CallFunctionObjArgs(its->values[given_rewritten], before, NULL);
        Py_XDECREF(before);
    }
    return *held == NULL ? -1 : read_bytes(*held, plain);
}

static int is_nothing(view plain)
{
    static const char *const nothing[] = {"", "{}", "[]", "\"\"", "null"};
    for (size_t at = 0; at < sizeof nothing / sizeof nothing[0]; at++)
        if (plain.size == strlen(nothing[at]) && memcmp(plain.at, nothing[at], plain.size) == 0)
            return 1;
    return 0;
}

static PyObject *class_of(maker *its, view plain, const role *as, const figures *found)
{
    if (!as->how.result)
        return Py_NewRef(its->values[is_nothing(plain) ? given_empty : given_content]);
    if (found->content)
        return Py_NewRef(its->values[given_content]);
    PyObject *const form = bytes_of(plain.at, plain.size);
    PyObject *const class = form == NULL ? NULL : PyObject_CallFunctionObjArgs(its->values[given_classify], form, NULL);
    Py_XDECREF(form);
    return class;
}

static PyObject *number(uint64_t value) { return PyLong_FromUnsignedLongLong(value); }

/* Fill what is alike in all fingerprints; what could not be made is NULL. Gives the whole, or NULL with an exception. */
static PyObject *filled(const maker *its, PyObject *print, PyObject *const *parts)
{
    int whole = print != NULL;
    for (int field = Fingerprint_exact; field <= Fingerprint_pieces; field++) {
        PyObject *const part = parts[field - Fingerprint_exact];
        whole = whole && part != NULL;
        if (print != NULL)
            fill(its, print, field, part);
        else
            Py_XDECREF(part);
    }
    if (!whole)
        Py_CLEAR(print);
    return print;
}

/* Fetch what ends with the oldest print of a role, while there is still something else to do. */
static void foresee_end(const maker *its, const role *as)
{
    PyObject *const oldest = foresee(&as->known);
    if (oldest == NULL)
        return;
    for (int field = Fingerprint_exact; field <= Fingerprint_numbers; field++)
        __builtin_prefetch(get(its, oldest, field));
}

static PyObject *new_print(maker *its, view plain, uint64_t exact, const role *as, scratch *room)
{
    figures found;
    foresee_end(its, as);
    if (measure(plain, exact, &as->how, room, &found) < 0)
        return PyErr_NoMemory();
    PyObject *const class = class_of(its, plain, as, &found);
    if (class == NULL)
        return NULL;
    PyObject *const own = number(exact), *const masked = found.masks ? number(found.masked) : Py_XNewRef(own);
    PyObject *const parts[] = {
        own,
        masked,
        found.numbered ? number(found.shape) : Py_XNewRef(masked),
        PyLong_FromSize_t(plain.size),
        PyLong_FromSize_t(found.words),
        class,
        found.sketched ? bytes_of(found.sketch, BINS) : Py_NewRef(its->values[given_no_bytes]),
        found.numbers_found ? numbers_of(&found) : Py_NewRef(its->values[given_no_numbers]),
        Py_NewRef(its->values[given_no_text]),
        Py_NewRef(its->values[given_no_bytes]),
    };
    return filled(its, new_object(its, Fingerprint_), parts);
}

int find_text(const maker *its, PyObject *text, const role *as, scratch *room, found_text *found)
{
    found->held = NULL;
    if (canonical_form(its, text, room, &found->plain, &found->held) < 0) {
        Py_CLEAR(found->held);
        return -1;
    }
    found->exact = xxh3_64(found->plain);
    foresee_recall(&as->known, found->exact);
    return 0;
}

PyObject *print_of_text(maker *its, const found_text *text, role *as, scratch *room)
{
    PyObject *print = recall(&as->known, text->exact);
    its->texts++;
    if (print != NULL) {
        its->hits++;
        return Py_NewRef(print);
    }
    print = new_print(its, text->plain, text->exact, as, room);
    if (print == NULL)
        return NULL;
    its->sketched += as->how.sketch;
    if (recall(&as->known, text->exact) != NULL) /* what was asked of Python may have come here itself */
        return print;
    const int forgotten = remember(&as->known, text->exact, print);
    if (forgotten < 0)
        Py_CLEAR(print);
    its->evicted += forgotten > 0;
    return print;
}

static int digit_of(uint8_t byte) { return is_digit(byte) ? byte - '0' : within(byte, 'a', 'f') ? byte - 'a' + 10 : -1; }

/* Read hexadecimal digits into bytes; 0 where the text is not just so many of them. */
static int read_digits(PyObject *text, uint8_t *out, size_t bytes)
{
    Py_ssize_t size = 0;
    const char *const at = PyUnicode_Check(text) ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
    if (at == NULL || (size_t)size != 2 * bytes) {
        PyErr_Clear();
        return 0;
    }
    int wrong = 0;
    for (size_t byte = 0; byte < bytes; byte++) {
        const int high = digit_of((uint8_t)at[2 * byte]), low = digit_of((uint8_t)at[2 * byte + 1]);
        wrong |= high | low;
        out[byte] = (uint8_t)(high << 4 | low);
    }
    return wrong >= 0;
}

static int read_digest(PyObject *text, uint64_t *digest)
{
    uint8_t bytes[sizeof *digest];
    if (!read_digits(text, bytes, sizeof bytes))
        return 0;
    *digest = __builtin_bswap64(load64(bytes));
    return 1;
}

/* Give the number of a digest that may be missing, and then counts as the one before it; NULL with or without an
 * exception. */
static PyObject *next_digest(PyObject *text, PyObject *before, uint64_t *value)
{
    uint64_t digest;
    if (before == NULL || text == Py_None)
        return Py_XNewRef(before);
    if (!read_digest(text, &digest))
        return NULL;
    if (digest == *value) /* most texts hold nothing volatile */
        return Py_NewRef(before);
    *value = digest;
    return number(digest);
}

static PyObject *read_by_python(const maker *its, PyObject *field, PyObject *kid)
{
    return PyObject_CallFunctionObjArgs(its->values[given_read], field, kid, NULL);
}

PyObject *print_received(const maker *its, PyObject *field, PyObject *kid)
{
    uint64_t value;
    uint8_t sketch[BINS];
    if (Py_TYPE(field) != its->types[FieldPrint_] || get(its, field, FieldPrint_pieces) != Py_None ||
        get(its, field, FieldPrint_numbers) != Py_None) /* seldom there */
        return read_by_python(its, field, kid);
    PyObject *const sent = get(its, field, FieldPrint_sketch), *const class = get(its, field, FieldPrint_klass);
    if (!read_digest(get(its, field, FieldPrint_exact), &value) || (sent != Py_None && !read_digits(sent, sketch, BINS)))
        return read_by_python(its, field, kid);
    PyObject *const exact = number(value), *const masked = next_digest(get(its, field, FieldPrint_masked), exact, &value);
    PyObject *const parts[] = {
        exact,
        masked,
        next_digest(get(its, field, FieldPrint_shape), masked, &value),
        Py_NewRef(get(its, field, FieldPrint_size)),
        Py_NewRef(get(its, field, FieldPrint_words)),
        Py_NewRef(class == Py_None ? its->values[given_content] : class),
        sent == Py_None ? Py_NewRef(its->values[given_no_bytes]) : bytes_of(sketch, BINS),
        Py_NewRef(its->values[given_no_numbers]),
        Py_NewRef(kid),
        Py_NewRef(its->values[given_no_bytes]),
    };
    PyObject *const print = filled(its, new_object(its, Fingerprint_), parts);
    const int odd = print == NULL && !PyErr_Occurred(); /* a digest that is none: the pure form knows what to say of it */
    return odd ? read_by_python(its, field, kid) : print;
}
