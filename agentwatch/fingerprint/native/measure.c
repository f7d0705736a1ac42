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
    free(room->found.list);
    *room = (scratch){0};
}

int find_forms(view plain, scratch *room, forms *its)
{
    const size_t work = plain.size + 1 + PADDING; /* head and tail of a text longer than the cap have a space between */
    room->found.count = 0;
    room->found.failed = 0;
    volatile_spans(plain, &room->found);
    uint8_t *const at = room_for(room, work + 2 * plain.size + 1);
    if (at == NULL || room->found.failed)
        return -1;
    *its = (forms){plain, plain, at, at + work + plain.size, 0};
    if (room->found.count)
        its->masked = (view){at + work, replaced(plain, &room->found, at + work)};
    its->numbered = next_digit(its->masked, 0) != NOWHERE;
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
    its->numbered = text.numbered;
    its->masked = its->masks ? xxh3_64(text.masked) : exact;
    its->shape = text.numbered ? xxh3_64((view){text.work, shaped(text.masked, text.work)}) : its->masked;
    sketch_of(&text, how, its);
    its->numbers_found = how->result && text.numbered ? numbers(text.masked, its->numbers) : 0;
    its->content = how->result && surely_content(plain, how->watched);
    return 0;
}
