// SPDX-License-Identifier: MIT

// Counts what the process allocates: the target's malloc takes the place of the C library's.
#pragma once

#include <stdint.h>

/// How often memory was asked for since the process began; -1 under a sanitizer, which has a
/// malloc of its own.
int64_t test_allocation_count(void);
