/* canonical.py, steps 1 and 2: white space folded. JSON, lone surrogates and what NFC might change stay in Python. */
#include "bytes.h"

typedef struct {
    uint32_t first, last;
} range;

/* Code points that Unicode NFC leaves alone beside any others of them: no combining marks, nothing that composes. */
static const range calm[] = {
    {0x80, 0x2FF},        {0x400, 0x482},       {0x2010, 0x205E},     {0x20A0, 0x20C0},
    {0x2190, 0x2328},     {0x232B, 0x2ADB},     {0x3001, 0x3029},     {0x3041, 0x3096},
    {0x30A0, 0x30FF},     {0x4E00, 0x9FFF},     {0xAC00, 0xD7A3},     {0xFE0F, 0xFE0F},
    {0xFF01, 0xFFEE},     {0x1F300, 0x1FAFF},
};

static int is_space(uint8_t byte) { return (byte == ' ') | within(byte, '\t', '\r') | within(byte, 0x1C, 0x1F); }

static int is_wide_space(uint32_t point)
{
    return point == 0x85 || point == 0xA0 || point == 0x1680 || (point >= 0x2000 && point <= 0x200A) ||
           point == 0x2028 || point == 0x2029 || point == 0x202F || point == 0x205F || point == 0x3000;
}

static int is_calm(uint32_t point)
{
    for (size_t at = 0; at < sizeof calm / sizeof calm[0]; at++)
        if (point <= calm[at].last)
            return point >= calm[at].first;
    return 0;
}

/* Tell whether folding changes nothing: no control character, no two spaces in a row, none at either end. */
FOR_EACH_MACHINE int is_folded(view text)
{
    if (text.size == 0)
        return 1;
    if (text.at[0] <= ' ' || text.at[text.size - 1] == ' ')
        return 0;
    size_t at = 1;
    while (at < text.size) {
        const size_t end = text.size - at > BLOCK ? at + BLOCK : text.size;
        uint8_t found = 0; /* no branch within a block, so that the compiler may look at many bytes at once */
        for (; at < end; at++)
            found |= (uint8_t)((text.at[at] < ' ') | ((text.at[at] == ' ') & (text.at[at - 1] == ' ')));
        if (found)
            return 0;
    }
    return 1;
}

/* Flag the bytes of eight that are spaces: what differs from one by nought. */
static uint64_t are_spaces(uint64_t bytes)
{
    const uint64_t other = bytes ^ EACH * ' ';
    return ~(((other & EACH * 0x7F) + EACH * 0x7F) | other) & EACH * 0x80;
}

size_t fold_ascii(view text, uint8_t *out)
{
    for (size_t at = 0; at < text.size; at++)
        out[at] = is_space(text.at[at]) ? ' ' : text.at[at];
    size_t size = 0, at = 0;
    uint8_t before = ' ';
    while (at < text.size) { /* what is kept moves towards the front, so nothing is overwritten that is yet to be read */
        if (text.size - at >= 8) {
            const uint64_t spaces = are_spaces(load64(out + at));
            if (!(spaces & (spaces << 8 | (before == ' ' ? 0x80 : 0)))) {
                memmove(out + size, out + at, 8);
                before = out[size + 7];
                size += 8;
                at += 8;
                continue;
            }
        }
        const size_t end = text.size - at > 8 ? at + 8 : text.size;
        for (; at < end; at++) {
            const uint8_t byte = out[at];
            out[size] = byte;
            size += (size_t)((byte != ' ') | (before != ' '));
            before = byte;
        }
    }
    return size && out[size - 1] == ' ' ? size - 1 : size;
}

/* Decode one character of valid UTF-8 that is not ASCII; returns how many bytes it has. */
static size_t character(const uint8_t *at, uint32_t *point)
{
    if (at[0] < 0xE0) {
        *point = (uint32_t)(at[0] & 0x1F) << 6 | (at[1] & 0x3F);
        return 2;
    }
    if (at[0] < 0xF0) {
        *point = (uint32_t)(at[0] & 0x0F) << 12 | (uint32_t)(at[1] & 0x3F) << 6 | (at[2] & 0x3F);
        return 3;
    }
    *point = (uint32_t)(at[0] & 0x07) << 18 | (uint32_t)(at[1] & 0x3F) << 12 | (uint32_t)(at[2] & 0x3F) << 6 |
             (at[3] & 0x3F);
    return 4;
}

size_t fold(view text, uint8_t *out)
{
    size_t size = 0;
    for (size_t at = 0; at < text.size;) {
        uint32_t point = text.at[at];
        const size_t bytes = point < 0x80 ? 1 : character(text.at + at, &point);
        if (point < 0x80 ? is_space((uint8_t)point) : is_wide_space(point)) {
            if (size && out[size - 1] != ' ')
                out[size++] = ' ';
        } else if (point >= 0x80 && !is_calm(point)) {
            return NOWHERE;
        } else {
            memcpy(out + size, text.at + at, bytes);
            size += bytes;
        }
        at += bytes;
    }
    return size && out[size - 1] == ' ' ? size - 1 : size;
}

size_t unbroken(view json, uint8_t *out, int *ascii)
{
    uint8_t all = 0;
    for (size_t at = 0; at < json.size; at++)
        all |= json.at[at];
    *ascii = all < 0x80;
    size_t size = 0, at = 0;
    while (at < json.size) {
        const uint8_t *const escape = memchr(json.at + at, '\\', json.size - at);
        const size_t end = escape == NULL ? json.size : (size_t)(escape - json.at);
        memcpy(out + size, json.at + at, end - at);
        size += end - at;
        at = end;
        if (json.size - at < 2) { /* no escape, or half of one */
            memcpy(out + size, json.at + at, json.size - at);
            return size + json.size - at;
        }
        const uint8_t named = json.at[at + 1];
        if (named == 'n' || named == 't' || named == 'r') {
            out[size++] = ' ';
        } else {
            memcpy(out + size, json.at + at, 2);
            size += 2;
        }
        at += 2;
    }
    return size;
}
