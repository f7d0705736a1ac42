/* canonical.py: what is folded, and what of it is for the pure form. */
#include "canonical.h"

int fold_view(view *text, int ascii, scratch *room)
{
    if (ascii && is_folded(*text))
        return 1;
    uint8_t *const at = room_for(room, text->size + 1);
    if (at == NULL) {
        PyErr_NoMemory();
        return 0;
    }
    const size_t used = ascii ? fold_ascii(*text, at) : fold(*text, at);
    *text = (view){at, used};
    return used != NOWHERE;
}

int fold_text(PyObject *given, view *text, scratch *room)
{
    Py_ssize_t size;
    const char *const at = PyUnicode_AsUTF8AndSize(given, &size);
    if (at == NULL) {
        if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
            PyErr_Clear(); /* lone surrogates */
        return 0;
    }
    *text = (view){(const uint8_t *)at, (size_t)size};
    return fold_view(text, PyUnicode_GetLength(given) == size, room);
}
