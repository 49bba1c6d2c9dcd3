// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "contender.h"

int contender_thread_id(void) { return gettid(); }

bool contender_thread_sleeps(int id) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
    FILE *file = fopen(path, "re");
    if (file == NULL) return false;
    size_t count = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[count] = 0;
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' && end[2] == 'S';
}

void contender_yield(void) { sched_yield(); }

// The n-th processor that this process may use, from the beginning again behind the last.
static int processor(unsigned number) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) contender_fail("sched_getaffinity");
    number %= (unsigned)CPU_COUNT(&set);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &set) && number-- == 0) return cpu;
    }
    return 0;
}

void contender_pin(unsigned number) {
    cpu_set_t set;
    int cpu = processor(number);
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) contender_fail("affinity");
}
