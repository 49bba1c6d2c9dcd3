// SPDX-License-Identifier: MIT

// Latencies in buckets: 256 for each power of two, so a value is known within 0.4 %.

#include "load.h"

enum { BITS = 8, BUCKETS = (64 - BITS + 1) << BITS };

static uint64_t buckets[BUCKETS];
static uint64_t total;
static uint64_t largest;

static unsigned bucket_of(uint64_t value) {
    if (value < 1u << BITS) return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - (BITS - 1);
    return ((shift + 1) << (BITS - 1)) + (unsigned)((value >> shift) - (1u << (BITS - 1)));
}

static uint64_t value_of(unsigned bucket) {
    if (bucket < 1u << BITS) return bucket;
    unsigned shift = (bucket >> (BITS - 1)) - 1;
    uint64_t mantissa = (bucket & ((1u << (BITS - 1)) - 1)) + (1u << (BITS - 1));
    return ((mantissa + 1) << shift) - 1;
}

void histogram_add(uint64_t value, uint64_t times) {
    buckets[bucket_of(value)] += times;
    total += times;
    if (value > largest) largest = value;
}

uint64_t histogram_at(uint64_t permille) {
    uint64_t rank = (total * permille + 999) / 1000, seen = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += buckets[bucket];
        if (seen >= rank && seen > 0) {
            uint64_t value = value_of(bucket);
            return value < largest ? value : largest;
        }
    }
    return largest;
}

uint64_t histogram_max(void) { return largest; }
