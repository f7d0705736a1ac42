/* Sixteen bytes at once, in what GCC and Clang know on every machine, and their flags as bits. */
#ifndef AGENTWATCH_VECTORS_H
#define AGENTWATCH_VECTORS_H

#include "bytes.h"

enum { LANES = 16 };
typedef uint8_t lanes __attribute__((vector_size(LANES)));

static inline lanes load_lanes(const uint8_t *at)
{
    lanes value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* Each comparison gives 0xFF where it holds and 0 where not. */
static inline lanes lanes_within(lanes bytes, uint8_t first, uint8_t last)
{
    return (lanes)((bytes - first) <= (uint8_t)(last - first));
}

static inline lanes lanes_equal(lanes bytes, uint8_t byte) { return (lanes)(bytes == byte); }

/* Make bits of such flags, the first the lowest. */
static inline uint64_t bits_of(lanes flags)
{
#ifdef __SSE2__
    typedef char signed_lanes __attribute__((vector_size(LANES)));
    return (uint64_t)(unsigned)__builtin_ia32_pmovmskb128((signed_lanes)flags);
#else
    uint64_t half[2];
    memcpy(half, &flags, sizeof half);
    const uint64_t first = ((half[0] & EACH) * UINT64_C(0x0102040810204080)) >> 56;
    return first | ((half[1] & EACH) * UINT64_C(0x0102040810204080)) >> 56 << 8;
#endif
}

#endif
