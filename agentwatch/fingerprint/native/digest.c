/* XXH3, 64 bits, seed 0, written from its specification (xxHash by Yann Collet): the digest of every form. */
#include "bytes.h"

#define PRIME32_1 0x9E3779B1u
#define PRIME32_2 0x85EBCA77u
#define PRIME32_3 0xC2B2AE3Du
#define PRIME64_1 0x9E3779B185EBCA87u
#define PRIME64_2 0xC2B2AE3D27D4EB4Fu
#define PRIME64_3 0x165667B19E3779F9u
#define PRIME64_4 0x85EBCA77C2B2AE63u
#define PRIME64_5 0x27D4EB2F165667C5u
#define PRIME_MX1 0x165667919E3779F9u
#define PRIME_MX2 0x9FB21C651E98DF25u

enum { STRIPE = 64, STRIPES = 16, BLOCK_BYTES = STRIPE * STRIPES, LANES = 8, SECRET = 192, LEAST_SECRET = 136 };

static const uint8_t secret[SECRET] = {
    0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c, 0xde, 0xd4, 0x6d,
    0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f, 0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0,
    0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21, 0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0,
    0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c, 0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b,
    0x1b, 0x53, 0x2e, 0xa3, 0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac,
    0xd8, 0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d, 0x8a, 0x51,
    0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64, 0xea, 0xc5, 0xac, 0x83, 0x34,
    0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb, 0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49,
    0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e, 0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8,
    0xd1, 0x7a, 0xd0, 0x31, 0xce, 0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b,
    0x40, 0x7e,
};

static uint64_t rotated(uint64_t value, int by) { return value << by | value >> (64 - by); }

static uint64_t folded_product(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    const unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    const uint64_t low = (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu), high = (a >> 32) * (b >> 32);
    const uint64_t left = (a >> 32) * (b & 0xFFFFFFFFu), right = (a & 0xFFFFFFFFu) * (b >> 32);
    const uint64_t cross = (low >> 32) + (left & 0xFFFFFFFFu) + right;
    return (cross << 32 | (low & 0xFFFFFFFFu)) ^ (high + (left >> 32) + (cross >> 32));
#endif
}

static uint64_t avalanche(uint64_t hash)
{
    hash ^= hash >> 37;
    hash *= PRIME_MX1;
    return hash ^ hash >> 32;
}

static uint64_t old_avalanche(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= PRIME64_2;
    hash ^= hash >> 29;
    hash *= PRIME64_3;
    return hash ^ hash >> 32;
}

static uint64_t mix16(const uint8_t *in, const uint8_t *key)
{
    return folded_product(load64(in) ^ load64(key), load64(in + 8) ^ load64(key + 8));
}

static uint64_t up_to_16(const uint8_t *in, size_t size)
{
    if (size > 8) {
        const uint64_t low = load64(in) ^ load64(secret + 24) ^ load64(secret + 32);
        const uint64_t high = load64(in + size - 8) ^ load64(secret + 40) ^ load64(secret + 48);
        return avalanche(size + __builtin_bswap64(low) + high + folded_product(low, high));
    }
    if (size >= 4) {
        uint64_t hash = load32(in + size - 4) + ((uint64_t)load32(in) << 32);
        hash ^= load64(secret + 8) ^ load64(secret + 16);
        hash ^= rotated(hash, 49) ^ rotated(hash, 24);
        hash *= PRIME_MX2;
        hash ^= (hash >> 35) + size;
        hash *= PRIME_MX2;
        return hash ^ hash >> 28;
    }
    if (size == 0)
        return old_avalanche(load64(secret + 56) ^ load64(secret + 64));
    const uint32_t all = (uint32_t)in[0] << 16 | (uint32_t)in[size >> 1] << 24 | in[size - 1] | (uint32_t)size << 8;
    return old_avalanche(all ^ (uint64_t)(load32(secret) ^ load32(secret + 4)));
}

static uint64_t up_to_128(const uint8_t *in, size_t size)
{
    uint64_t sum = size * PRIME64_1;
    for (size_t pair = (size - 1) / 32 + 1; pair-- > 0;) {
        sum += mix16(in + 16 * pair, secret + 32 * pair);
        sum += mix16(in + size - 16 * (pair + 1), secret + 32 * pair + 16);
    }
    return avalanche(sum);
}

static uint64_t up_to_240(const uint8_t *in, size_t size)
{
    uint64_t sum = size * PRIME64_1;
    for (size_t at = 0; at < 8; at++)
        sum += mix16(in + 16 * at, secret + 16 * at);
    sum = avalanche(sum);
    for (size_t at = 8; at < size / 16; at++)
        sum += mix16(in + 16 * at, secret + 16 * (at - 8) + 3);
    return avalanche(sum + mix16(in + size - 16, secret + LEAST_SECRET - 17));
}

static inline void accumulate(uint64_t *lanes, const uint8_t *in, const uint8_t *key)
{
    for (int lane = 0; lane < LANES; lane++) {
        const uint64_t value = load64(in + 8 * lane);
        const uint64_t keyed = value ^ load64(key + 8 * lane);
        lanes[lane ^ 1] += value;
        lanes[lane] += (keyed & 0xFFFFFFFFu) * (keyed >> 32);
    }
}

static FOR_EACH_MACHINE uint64_t longer(const uint8_t *in, size_t size)
{
    uint64_t lanes[LANES] = {PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1};
    const uint8_t *const last_key = secret + SECRET - STRIPE;
    const size_t blocks = (size - 1) / BLOCK_BYTES, stripes = (size - 1 - BLOCK_BYTES * blocks) / STRIPE;
    for (size_t block = 0; block < blocks; block++) {
        for (int stripe = 0; stripe < STRIPES; stripe++)
            accumulate(lanes, in + block * BLOCK_BYTES + stripe * STRIPE, secret + 8 * stripe);
        for (int lane = 0; lane < LANES; lane++) {
            lanes[lane] ^= lanes[lane] >> 47;
            lanes[lane] ^= load64(last_key + 8 * lane);
            lanes[lane] *= PRIME32_1;
        }
    }
    for (size_t stripe = 0; stripe < stripes; stripe++)
        accumulate(lanes, in + blocks * BLOCK_BYTES + stripe * STRIPE, secret + 8 * stripe);
    accumulate(lanes, in + size - STRIPE, last_key - 7);
    uint64_t sum = size * PRIME64_1;
    for (int pair = 0; pair < LANES / 2; pair++)
        sum += folded_product(lanes[2 * pair] ^ load64(secret + 11 + 16 * pair),
                              lanes[2 * pair + 1] ^ load64(secret + 19 + 16 * pair));
    return avalanche(sum);
}

uint64_t xxh3_64(view text)
{
    if (text.size <= 16)
        return up_to_16(text.at, text.size);
    if (text.size <= 128)
        return up_to_128(text.at, text.size);
    return text.size <= 240 ? up_to_240(text.at, text.size) : longer(text.at, text.size);
}
