// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "contender.h"

struct contender_area contender_area_open(size_t size) {
    struct contender_area area = {.size = size, .fd = memfd_create("area", MFD_CLOEXEC)};
    if (area.fd < 0) contender_fail("memfd_create");
    if (ftruncate(area.fd, (off_t)size) != 0) contender_fail("ftruncate");
    area.start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, area.fd, 0);
    if (area.start == MAP_FAILED) contender_fail("mmap");
    for (size_t index = 0; index < size / sizeof(uint64_t); index++) {
        uint64_t word = (index + 1) * 0x9e3779b97f4a7c15ull;
        memcpy(area.start + index * sizeof word, &word, sizeof word);
        area.sum += word;
    }
    return area;
}
