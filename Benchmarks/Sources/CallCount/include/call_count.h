// SPDX-License-Identifier: MIT

// Preloaded into a contender (LD_PRELOAD), this library counts its writes, in the file that
// BENCH_CALLS_FILE names: 64-bit words in the machine's byte order.
#pragma once

#include <stdint.h>

struct call_counts {
    /// write(2) and eventfd_write(3) to an eventfd.
    uint64_t event_writes;
    /// read(2) and eventfd_read(3) of an eventfd.
    uint64_t event_reads;
    /// write(2) to anything else.
    uint64_t other_writes;
};
