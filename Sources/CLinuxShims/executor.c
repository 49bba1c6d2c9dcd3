// SPDX-License-Identifier: MIT

#include "millrace_executor.h"

#include <stddef.h>

typedef void (*enqueue_function)(void *job) __attribute__((swiftcall));
typedef void (*enqueue_hook)(void *job, enqueue_function original) __attribute__((swiftcall));

// Exported by the concurrency library. Weak: a program without it links too.
extern enqueue_hook swift_task_enqueueGlobal_hook __attribute__((weak));

static millrace_job_taker current_taker;

static __attribute__((swiftcall)) void offer(void *job, enqueue_function original) {
    millrace_job_taker taker = __atomic_load_n(&current_taker, __ATOMIC_ACQUIRE);
    if (taker == NULL || !taker(job)) original(job);
}

bool millrace_take_global_jobs(millrace_job_taker taker) {
    if (&swift_task_enqueueGlobal_hook == NULL) return false;
    enqueue_hook installed = __atomic_load_n(&swift_task_enqueueGlobal_hook, __ATOMIC_ACQUIRE);
    if (installed != NULL && installed != offer) return false;
    __atomic_store_n(&current_taker, taker, __ATOMIC_RELEASE);
    // The hook stays: a thread may be on its way through it. Without a taker it only passes on.
    __atomic_store_n(&swift_task_enqueueGlobal_hook, offer, __ATOMIC_RELEASE);
    return true;
}
