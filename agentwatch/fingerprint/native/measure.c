/* What a fingerprint holds of a text beside its exact digest: `single.py` says it in Python. */
#include "measure.h"

#include <stdlib.h>

uint8_t *room_for(scratch *room, size_t size)
{
    if (size > room->size) {
        free(room->at);
        room->at = malloc(size + size / 2);
        room->size = room->at == NULL ? 0 : size + size / 2;
    }
    return room->at;
}

void clear(scratch *room)
{
    free(room->at);
    free(room->bits);
    free(room->found.list);
    *room = (scratch){0};
}

static uint64_t *bits_for(scratch *room, size_t blocks)
{
    if (blocks > room->blocks) {
        free(room->bits);
        room->bits = malloc(2 * blocks * sizeof *room->bits);
        room->blocks = room->bits == NULL ? 0 : 2 * blocks;
    }
    return room->bits;
}

int find_forms(view plain, scratch *room, forms *text)
{
    const size_t work = plain.size + 1 + PADDING; /* head and tail of a text longer than the cap have a space between */
    uint8_t *const at = room_for(room, work + 2 * plain.size + 1);
    text->its.digits = bits_for(room, blocks_of(plain.size));
    if (at == NULL || text->its.digits == NULL)
        return -1;
    text->plain = text->masked = plain;
    text->work = at;
    text->joined = at + work + plain.size;
    find_traits(plain, &text->its);
    room->found.count = 0;
    room->found.failed = 0;
    volatile_spans(plain, &text->its, &room->found);
    if (room->found.failed)
        return -1;
    if (room->found.count) {
        text->masked = (view){at + work, replaced(plain, &room->found, at + work)};
        find_traits(text->masked, &text->its);
    }
    return 0;
}

/* Sketch the masked form, or its head and tail when it is longer than the cap; counts the words of all of it. */
static void sketch_of(const forms *text, const manner *how, figures *its)
{
    const view all = text->masked;
    its->sketched = 0;
    if (how->sketch && all.size > how->cap) {
        its->sketched = sketched(sketched_part(all, how->cap, text->joined), text->work, its->sketch) > 0;
        its->words = sketched(all, text->work, NULL);
        return;
    }
    its->words = sketched(all, text->work, how->sketch ? its->sketch : NULL);
    its->sketched = how->sketch && its->words;
}

int measure(view plain, uint64_t exact, const manner *how, scratch *room, figures *its)
{
    forms text;
    if (find_forms(plain, room, &text) < 0)
        return -1;
    its->masks = text.masked.at != plain.at;
    its->numbered = is_numbered(&text);
    its->masked = its->masks ? xxh3_64(text.masked) : exact;
    its->shape = its->numbered ? xxh3_64((view){text.work, shaped(text.masked, &text.its, text.work)}) : its->masked;
    sketch_of(&text, how, its);
    its->numbers_found = how->result && its->numbered ? numbers(text.masked, &text.its, its->numbers) : 0;
    its->content = how->result && surely_content(plain, how->watched);
    return 0;
}
