// SPDX-License-Identifier: MIT

// Valgrind's marks: what is marked as undefined is followed through registers and memory, and each
// branch and each address that depends on it is an error.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <valgrind/memcheck.h>

static inline bool memcheck_is_running(void) { return RUNNING_ON_VALGRIND != 0; }

static inline void memcheck_mark_secret(const void *bytes, size_t count) {
    (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, count);
}

static inline void memcheck_mark_open(const void *bytes, size_t count) {
    (void)VALGRIND_MAKE_MEM_DEFINED(bytes, count);
}

/// Whether all bytes depend on something that was marked; no error by itself.
static inline bool memcheck_is_secret(const void *bytes, size_t count) {
    for (size_t index = 0; index < count; index++) {
        unsigned char bits = 0;
        if (VALGRIND_GET_VBITS((const char *)bytes + index, &bits, 1) != 1 || bits == 0) {
            return false;
        }
    }
    return true;
}
