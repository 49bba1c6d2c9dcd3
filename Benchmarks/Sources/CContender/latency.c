// SPDX-License-Identifier: MIT

// Latencies in buckets: 256 for each power of two, so a value is known within 0.4 %.

#include <stdio.h>

#include "contender.h"

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

void contender_latency_add(uint64_t nanoseconds) {
    buckets[bucket_of(nanoseconds)]++;
    total++;
    if (nanoseconds > largest) largest = nanoseconds;
}

/// The value below which so many of a thousand lie.
static uint64_t at(uint64_t permille) {
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

void contender_latency_print(void) {
    printf(" p50_ns=%llu p90_ns=%llu p99_ns=%llu p999_ns=%llu max_ns=%llu",
           (unsigned long long)at(500), (unsigned long long)at(900), (unsigned long long)at(990),
           (unsigned long long)at(999), (unsigned long long)largest);
}
