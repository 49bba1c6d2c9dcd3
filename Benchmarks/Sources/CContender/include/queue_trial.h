// SPDX-License-Identifier: MIT

// What the contenders that are queues share: options, threads, the clock, and the line of results.
#pragma once

#include <stdint.h>

/// The queues of one program and the loops that use them. The loops are the contender's, in its own
/// language, so that nothing is called for each element.
struct queue_subjects {
    /// The names, and how many.
    const char *const *names;
    unsigned count;
    /// Makes a queue of 64-bit numbers with room for about `capacity`; it lives to the end of the
    /// process. `threads` is how many will use it.
    void *(*make)(unsigned subject, uint64_t capacity, unsigned threads);
    /// Pushes `count` numbers from `first` on, each again until it is accepted.
    void (*push)(void *queue, uint64_t first, uint64_t count);
    /// Takes `count` numbers and returns their sum, modulo 2^64.
    uint64_t (*pop)(void *queue, uint64_t count);
    /// The same two by one thread in turns: one element each.
    uint64_t (*pairs)(void *queue, uint64_t first, uint64_t count);
};

#ifdef __cplusplus
extern "C" {
#endif
/// Does what the options say and prints "result operations=N checksum=N nanoseconds=N": the time
/// from when the first thread began, all being ready, until the last was done; the sum of what was
/// taken.
int queue_trial(int argc, char **argv, const struct queue_subjects *subjects);
/// A queue was full or empty; `tries` counts how often since it last was not. Spins at first, then
/// lets another thread run: there may be more threads than processors.
void queue_trial_wait(unsigned *tries);
#ifdef __cplusplus
}
#endif
