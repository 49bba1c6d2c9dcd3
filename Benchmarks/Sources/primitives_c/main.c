// SPDX-License-Identifier: MIT

// What primitives of Millrace are measured against: heaps of timers, and glibc's and the kernel's
// ways to tell others.

#include <stdlib.h>

#include "primitives.h"
#include "work_trial.h"

struct kind {
    const char *name;
    void *(*make)(uint64_t size);
    uint64_t (*run)(void *thing, uint64_t count);
};

struct work {
    const struct kind *kind;
    void *thing;
};

#define HEAP_KINDS(arity)                                                              \
    {"heap" #arity "-cancel-far", heap##arity##_make, heap##arity##_cancel_far},       \
        {"heap" #arity "-cancel-near", heap##arity##_make, heap##arity##_cancel_near}, \
        {"heap" #arity "-rearm-any", heap##arity##_make, heap##arity##_rearm_any},     \
        {"heap" #arity "-rearm-idle", heap##arity##_make, heap##arity##_rearm_idle},   \
        {"heap" #arity "-expire", heap##arity##_make, heap##arity##_expire},           \
        {"heap" #arity "-steady", heap##arity##_make, heap##arity##_steady}

static const struct kind kinds[] = {
    HEAP_KINDS(2),
    HEAP_KINDS(4),
    {"condition", condition_make, condition_signal},
    {"eventfd", eventfd_make, eventfd_signal},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void *make(void *context, unsigned subject, uint64_t size, unsigned threads) {
    (void)context, (void)threads;
    struct work *work = malloc(sizeof *work);
    *work = (struct work){&kinds[subject], kinds[subject].make(size)};
    return work;
}

static uint64_t run(void *argument, unsigned thread, uint64_t count) {
    struct work *work = argument;
    return thread == 0 ? work->kind->run(work->thing, count) : 0;
}

int main(int argc, char **argv) {
    const char *names[KINDS];
    for (unsigned index = 0; index < KINDS; index++) names[index] = kinds[index].name;
    struct work_subjects subjects = {NULL, names, KINDS, make, run};
    return work_trial(argc, argv, &subjects);
}
