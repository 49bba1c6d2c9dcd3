// SPDX-License-Identifier: MIT

// What the contenders share whose primitives are no queues: options, threads, clocks, the line of
// results, and what all of them use.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The works of one program: what its threads do over and over. The loops are the contender's, in
/// its own language, so that nothing is called for each operation.
struct work_subjects {
    /// Passed on to `make`.
    void *context;
    /// The names, and how many.
    const char *const *names;
    unsigned count;
    /// Prepares the work that has this place among the names. What `size` means is the work's: how
    /// many timers there are, or places; `threads` is how many will call `run`. What it answers
    /// lives to the end of the process.
    void *(*make)(void *context, unsigned subject, uint64_t size, unsigned threads);
    /// Does the part of thread `thread` (0, 1, …) of `count` operations in all: one with each
    /// number below `count`. Answers the sum of the numbers of those that it completed.
    uint64_t (*run)(void *work, unsigned thread, uint64_t count);
};

/// What each of several threads that do the same has to do.
struct work_part {
    uint64_t first, count;
};

#ifdef __cplusplus
extern "C" {
#endif
/// Does what the options say and prints "result operations=N checksum=N nanoseconds=N cpu_ns=N":
/// the time from when the first thread began, all being ready, until the last was done; the time
/// for which the threads ran; the sum of what they completed.
int work_trial(int argc, char **argv, const struct work_subjects *subjects);
/// Says that no more is to come, to threads that ask.
void work_finish(void);
bool work_is_over(void);
/// Memory, by functions that no compiler looks into: it would leave out what it sees freed.
void *work_malloc(size_t size);
void work_free(void *memory);
#ifdef __cplusplus
}
#endif

/// The part of one of `threads`.
static inline struct work_part work_part(unsigned thread, unsigned threads, uint64_t count) {
    uint64_t each = count / threads;
    return (struct work_part){thread * each, each};
}

/// The next of a series of numbers that is the same in all programs: SplitMix64 (Steele, Lea,
/// Flood, 2014).
static inline uint64_t work_random(uint64_t *state) {
    uint64_t word = *state += 0x9e3779b97f4a7c15;
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
    word = (word ^ word >> 27) * 0x94d049bb133111eb;
    return word ^ word >> 31;
}

/// How far away timers are: `size` of them lie among four times as many ticks.
static inline uint64_t work_delay(uint64_t *state, uint64_t size) {
    return 1 + work_random(state) % (4 * size);
}
/// In place of the size, for timers that are nearly all due before the others.
static inline uint64_t work_near(uint64_t size) { return size / 1024 + 1; }

/// A deadline behind all others, for the `number`-th move.
static inline uint64_t work_behind(uint64_t number, uint64_t size) { return 4 * size + number; }

enum {
    /// How many ticks go by between two looks at the timers.
    WORK_TICKS = 64,
    /// How many timers are armed before the first of them is cancelled; how deep a burst is.
    WORK_BURST = 64,
};
