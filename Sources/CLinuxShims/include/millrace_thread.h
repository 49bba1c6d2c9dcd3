// SPDX-License-Identifier: MIT

// Threads, parking and time: plain types only, so that the callers need no C library module.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// The largest number of threads that hold an index at one time. A thread beyond it gets
/// `MILLRACE_NO_THREAD_INDEX`.
enum { MILLRACE_THREAD_INDEX_COUNT = 1024 };

/// What `millrace_thread_index` answers to a thread that found no index free.
static const uint32_t MILLRACE_NO_THREAD_INDEX = 0xffffffff;

/// The calling thread's index plus one, or zero before the first call of
/// `millrace_thread_index_slow`.
extern _Thread_local uint32_t millrace_thread_index_cache;

/// Takes a free index for the calling thread; it is given back when the thread exits.
uint32_t millrace_thread_index_slow(void);

/// A small number that no other living thread has. Numbers of threads that exited are used again;
/// taking one synchronizes with its former holder's exit.
static inline uint32_t millrace_thread_index(void) {
    uint32_t cached = millrace_thread_index_cache;
    return __builtin_expect(cached != 0, 1) ? cached - 1 : millrace_thread_index_slow();
}

/// Sleeps while `*word == expected`, until woken, interrupted, or the monotonic deadline has
/// passed. `deadline_nanoseconds` of `UINT64_MAX` waits without limit. Returns false if the
/// deadline passed. futex(2).
bool millrace_futex_wait(const void *word, uint32_t expected, uint64_t deadline_nanoseconds);

/// Wakes at most `count` threads that sleep on `word`; returns how many. futex(2).
int millrace_futex_wake(const void *word, int count);

/// CLOCK_MONOTONIC in nanoseconds.
uint64_t millrace_monotonic_nanoseconds(void);

/// CLOCK_REALTIME_COARSE in whole seconds since 1970-01-01 UTC.
int64_t millrace_clock_realtime_seconds(void);
/// CLOCK_REALTIME: nanoseconds since 1970.
int64_t millrace_clock_realtime_nanoseconds(void);

/// Gives the rest of the time slice away. sched_yield(2).
void millrace_thread_yield(void);

/// Starts a thread that runs `body(context)`. Returns 0 and the handle, or a negated errno.
int millrace_thread_start(uint64_t *handle, void (*body)(void *), void *context, const char *name);

/// The same for a thread that nobody joins.
int millrace_thread_start_detached(uint64_t *handle, void (*body)(void *), void *context,
                                   const char *name);

/// Waits until the thread has ended.
void millrace_thread_join(uint64_t handle);

/// Lets the calling thread run on one processor only. Returns 0 or a negated errno.
int millrace_thread_pin(int processor);

/// The number of processors that this process may run on.
int millrace_processor_count(void);

/// The event loop that the calling thread runs, or NULL.
extern _Thread_local void *millrace_thread_loop;

static inline void *millrace_current_loop(void) { return millrace_thread_loop; }
static inline void millrace_set_current_loop(void *loop) { millrace_thread_loop = loop; }

/// The Swift runtime's current task, exported by its concurrency library, which a caller of
/// `millrace_current_task` links.
extern void *swift_task_getCurrent(void);

/// The address of the task that the calling thread runs, or NULL: to tell tasks apart, without the
/// reference counting of `withUnsafeCurrentTask`.
static inline void *millrace_current_task(void) { return swift_task_getCurrent(); }
