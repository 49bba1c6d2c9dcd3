// SPDX-License-Identifier: MIT

// Fibers: functions with a stack of their own, which a thread enters and leaves by choice.
#pragma once

#include <stdbool.h>
#include <stddef.h>

/// A fiber; it lies at the top of its own stack mapping and never moves.
typedef struct millrace_fiber millrace_fiber;

/// Maps a stack of at least `stack_byte_count` bytes (rounded up to whole pages) over a guard page,
/// on which an overflow ends the process with SIGSEGV. Returns NULL if there is no memory. mmap(2).
millrace_fiber *millrace_fiber_create(size_t stack_byte_count);

/// Unmaps the stack. What lived on it is gone without being ended: destroy fibers that have
/// returned, or never began.
void millrace_fiber_destroy(millrace_fiber *fiber);

/// Makes the fiber begin `entry(argument)` at its next resume. What it did before is dropped as it
/// stands. Must not be called by the fiber itself.
void millrace_fiber_prepare(millrace_fiber *fiber, void (*entry)(void *), void *argument);

/// Runs the fiber on the calling thread until it suspends or returns. Returns whether it will go on
/// at another resume; once it has returned, only `prepare` and `destroy` are allowed.
///
/// The set of Swift's exclusive accesses is the fiber's own: one that is open across a suspension
/// is neither seen by the thread's code nor lost.
bool millrace_fiber_resume(millrace_fiber *fiber);

/// Leaves the fiber that runs on the calling thread, until it is resumed.
void millrace_fiber_suspend(millrace_fiber *fiber);

/// How many bytes of the stack's low end were never written, in whole words: for tests that ask how
/// much a program needs.
size_t millrace_fiber_untouched_byte_count(const millrace_fiber *fiber);

/// A pointer that each thread has for the owner of its fibers; NULL at first.
extern _Thread_local void *millrace_fiber_owner;

/// Reads the calling thread's owner pointer.
static inline void *millrace_fiber_owner_get(void) { return millrace_fiber_owner; }

/// Sets the calling thread's owner pointer.
static inline void millrace_fiber_owner_set(void *owner) { millrace_fiber_owner = owner; }
