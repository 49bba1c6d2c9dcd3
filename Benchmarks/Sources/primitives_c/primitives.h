// SPDX-License-Identifier: MIT

#pragma once

#include <stdint.h>

// Timers in a heap; the number is that of the children of each.
#define HEAP_DECLARED(arity)                                              \
    void *heap##arity##_make(uint64_t size);                              \
    uint64_t heap##arity##_cancel_far(void *heap, uint64_t count);        \
    uint64_t heap##arity##_cancel_near(void *heap, uint64_t count);       \
    uint64_t heap##arity##_rearm_any(void *heap, uint64_t count);         \
    uint64_t heap##arity##_rearm_idle(void *heap, uint64_t count);        \
    uint64_t heap##arity##_expire(void *heap, uint64_t count);            \
    uint64_t heap##arity##_steady(void *heap, uint64_t count);

HEAP_DECLARED(2)
HEAP_DECLARED(4)

// Telling others when nobody waits.
void *condition_make(uint64_t size);
uint64_t condition_signal(void *condition, uint64_t count);
void *eventfd_make(uint64_t size);
uint64_t eventfd_signal(void *event, uint64_t count);
