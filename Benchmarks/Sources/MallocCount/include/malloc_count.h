// SPDX-License-Identifier: MIT

// Preloaded into a contender (LD_PRELOAD), this library counts what it allocates, in the file that
// BENCH_MALLOC_FILE names: five 64-bit words in the machine's byte order.
#pragma once

#include <stdint.h>

struct malloc_counts {
    uint64_t allocations;
    uint64_t frees;
    uint64_t reallocations;
    uint64_t allocated_bytes;
    uint64_t live_bytes;
};
