// SPDX-License-Identifier: MIT

// Counts what the process allocates: the target's malloc takes the place of the C library's.
#pragma once

#include <stdint.h>

/// How often memory was asked for since the process began; -1 under a sanitizer, which has a
/// malloc of its own.
int64_t test_allocation_count(void);

/// How many allocations this thread has made more than it has given back, of whichever thread; zero
/// under a sanitizer.
int64_t test_live_allocation_count(void);

/// From here on memory is overwritten when `malloc` hands it out and `free` takes it back, so that
/// who reads what was never written, or is gone, is found; under a sanitizer nothing changes.
void test_scribble_over_memory(void);
