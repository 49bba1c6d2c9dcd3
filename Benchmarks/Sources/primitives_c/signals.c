// SPDX-License-Identifier: MIT

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "contender.h"
#include "primitives.h"

void *condition_make(uint64_t size) {
    (void)size;
    pthread_cond_t *condition = malloc(sizeof *condition);
    pthread_cond_init(condition, NULL);
    return condition;
}

uint64_t condition_signal(void *condition, uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t number = 0; number < count; number++) {
        if (pthread_cond_signal(condition) == 0) sum += number;
    }
    return sum;
}

void *eventfd_make(uint64_t size) {
    (void)size;
    int *event = malloc(sizeof *event);
    *event = eventfd(0, EFD_CLOEXEC);
    if (*event < 0) contender_fail("eventfd");
    return event;
}

uint64_t eventfd_signal(void *event, uint64_t count) {
    uint64_t sum = 0, one = 1;
    for (uint64_t number = 0; number < count; number++) {
        if (write(*(int *)event, &one, sizeof one) == sizeof one) sum += number;
    }
    return sum;
}
