/* near.py: an entry of the ring of the latest distinct calls. */
#include "call.h"

int next_near(view ring, size_t *at, view *entry)
{
    if (*at == ring.size)
        return 0;
    const size_t size = ring.at[*at];
    if (size < NEAR_HEAD || size > ring.size - *at)
        return -1;
    const view found = {ring.at + *at, size};
    const uint8_t marks = found.at[NEAR_MARKS];
    const size_t fixed = NEAR_HEAD + (marks & NEAR_ARGUMENTS ? BINS : 0) + (marks & NEAR_ANSWER ? BINS : 0);
    const size_t number = marks & NEAR_SMALL ? 4 : 8;
    if (fixed > size || (size - fixed) % number || (size - fixed) / number > MOST_NUMBERS)
        return -1;
    *entry = found;
    *at += size;
    return 1;
}

view near_arguments(view entry)
{
    return (view){entry.at + NEAR_HEAD, entry.at[NEAR_MARKS] & NEAR_ARGUMENTS ? BINS : 0};
}

view near_answer(view entry)
{
    const uint8_t marks = entry.at[NEAR_MARKS];
    return (view){entry.at + NEAR_HEAD + (marks & NEAR_ARGUMENTS ? BINS : 0), marks & NEAR_ANSWER ? BINS : 0};
}

size_t near_numbers(view entry, double *out)
{
    const view answer = near_answer(entry);
    const int small = entry.at[NEAR_MARKS] & NEAR_SMALL;
    size_t at = (size_t)(answer.at - entry.at) + answer.size, count = 0;
    for (; at < entry.size && count < MOST_NUMBERS; at += small ? 4 : 8, count++) {
        if (small) {
            out[count] = (double)(int32_t)load32(entry.at + at);
        } else {
            const uint64_t bits = load64(entry.at + at);
            memcpy(&out[count], &bits, sizeof bits);
        }
    }
    return count;
}

int direction(const double *before, size_t count, PyObject *after, int *odd)
{
    const Py_ssize_t given = after == NULL ? 0 : PyTuple_CheckExact(after) ? PyTuple_Size(after) : (*odd = 1, 0);
    for (size_t at = 0; at < count && (Py_ssize_t)at < given; at++) {
        const double now = real_of(PyTuple_GetItem(after, (Py_ssize_t)at), odd);
        if (now != before[at])
            return now > before[at] ? 1 : -1;
    }
    return 0;
}

/* Pack numbers as near.py does: in four bytes each where all are whole and small, else in eight; 0 where one is odd. */
static int pack_numbers(PyObject *numbers, uint8_t *out, size_t *size, int *small)
{
    double kept[MOST_NUMBERS];
    int odd = !PyTuple_CheckExact(numbers);
    const Py_ssize_t given = odd ? 0 : PyTuple_Size(numbers);
    const Py_ssize_t count = given < limits[limit_numbers] ? given : limits[limit_numbers];
    *small = count > 0;
    for (Py_ssize_t at = 0; at < count; at++) {
        kept[at] = real_of(PyTuple_GetItem(numbers, at), &odd);
        *small &= kept[at] >= -2147483648.0 && kept[at] < 2147483648.0 && kept[at] == (double)(int64_t)kept[at];
    }
    for (Py_ssize_t at = 0; at < count; at++) {
        uint64_t bits;
        memcpy(&bits, &kept[at], sizeof bits);
        if (*small)
            bits = (uint32_t)(int32_t)kept[at];
        for (size_t byte = 0; byte < (*small ? 4u : 8u); byte++)
            out[(*size)++] = (uint8_t)(bits >> 8 * byte);
    }
    return !odd;
}

/* Lay out an entry for a call; 0 where it is none for C. */
static size_t entry_of(const asked *call, int same, int moved, uint8_t *out)
{
    size_t size = NEAR_HEAD;
    int small = 0;
    const view asks = call->arguments.sketch, gets = call->result.sketch;
    store64(out + NEAR_TOOL, call->tool);
    store64(out + NEAR_CALL, call->call);
    store64(out + NEAR_SHAPE, call->arguments_shape);
    store64(out + NEAR_RESULT, call->answer);
    store64(out + NEAR_RESULT_SHAPE, call->result_shape);
    memcpy(out + size, asks.at, asks.size);
    size += asks.size;
    memcpy(out + size, gets.at, gets.size);
    size += gets.size;
    if (call->numbers != NULL && !pack_numbers(call->numbers, out, &size, &small))
        return 0;
    out[0] = (uint8_t)size;
    out[NEAR_MARKS] = (uint8_t)((call->failed ? NEAR_FAILED : 0) | (asks.size ? NEAR_ARGUMENTS : 0) |
                                (gets.size ? NEAR_ANSWER : 0) | (small ? NEAR_SMALL : 0) |
                                (moved > 0   ? NEAR_UP
                                 : moved < 0 ? NEAR_DOWN
                                             : 0));
    out[NEAR_SAME] = (uint8_t)(same < 255 ? same : 255);
    return size;
}

/* How the numbers of the answer went since the same call before, of which no more count than are kept. */
static int moved_since(view before, const asked *call, int *odd)
{
    double kept[MOST_NUMBERS];
    const size_t count = near_numbers(before, kept);
    *odd |= (long)count > limits[limit_numbers];
    return direction(kept, count, call->numbers, odd);
}

PyObject *near_with(view ring, const asked *call)
{
    uint8_t made[MOST_RING + UINT8_MAX];
    size_t at = 0, entries = 0, found_at = 0;
    int more, odd = 0;
    view near, found = {NULL, 0};
    while ((more = next_near(ring, &at, &near)) > 0) {
        if (found.at == NULL && near_digest(near, NEAR_CALL) == call->call) {
            found = near;
            found_at = at - near.size;
        }
        entries++;
    }
    if (more < 0 || ring.size > MOST_RING)
        return NULL;
    const int again = found.at != NULL && near_digest(found, NEAR_RESULT) == call->answer;
    const int moved = found.at == NULL ? 0 : moved_since(found, call, &odd);
    if (found.at == NULL && entries && (long)entries >= limits[limit_near])
        found.size = ring.at[0]; /* the oldest goes */
    memcpy(made, ring.at, found_at);
    const size_t after = found_at + found.size, kept = ring.size - found.size;
    memcpy(made + found_at, ring.at + after, ring.size - after);
    const size_t size = entry_of(call, again ? found.at[NEAR_SAME] + 1 : 1, moved, made + kept);
    return odd || !size ? NULL : PyBytes_FromStringAndSize((const char *)made, (Py_ssize_t)(kept + size));
}
