// SPDX-License-Identifier: MIT

// Concurrency Kit's ring with the loops of a trial, in C: its header is none of C++.
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
void *ck_make(uint64_t capacity);
void ck_spsc_push(void *queue, uint64_t first, uint64_t count);
uint64_t ck_spsc_pop(void *queue, uint64_t count);
uint64_t ck_spsc_pairs(void *queue, uint64_t first, uint64_t count);
void ck_mpmc_push(void *queue, uint64_t first, uint64_t count);
uint64_t ck_mpmc_pop(void *queue, uint64_t count);
uint64_t ck_mpmc_pairs(void *queue, uint64_t first, uint64_t count);
#ifdef __cplusplus
}
#endif
