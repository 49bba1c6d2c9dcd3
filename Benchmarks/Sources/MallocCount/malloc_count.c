// SPDX-License-Identifier: MIT

// The allocation functions, counted. They call glibc's own under their other names, so nothing has
// to be looked up before the first call. Sizes are those that malloc really gave.

#define _GNU_SOURCE
#include "malloc_count.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static struct malloc_counts early;
static struct malloc_counts *_Atomic counts = &early;

static void add(uint64_t *word, uint64_t amount) {
    __atomic_fetch_add(word, amount, __ATOMIC_RELAXED);
}

static void *took(void *memory) {
    struct malloc_counts *now = atomic_load_explicit(&counts, memory_order_acquire);
    if (memory == NULL) return NULL;
    uint64_t size = malloc_usable_size(memory);
    add(&now->allocations, 1);
    add(&now->allocated_bytes, size);
    add(&now->live_bytes, size);
    return memory;
}

/// Before anything else runs: the counts move into the file.
__attribute__((constructor)) static void open_counts(void) {
    const char *path = getenv("BENCH_MALLOC_FILE");
    if (path == NULL) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, sizeof early) != 0) return;
    void *memory = mmap(NULL, sizeof early, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED) return;
    memcpy(memory, &early, sizeof early);
    atomic_store_explicit(&counts, memory, memory_order_release);
}

void *malloc(size_t size) { return took(__libc_malloc(size)); }

void *calloc(size_t count, size_t size) { return took(__libc_calloc(count, size)); }

void *memalign(size_t alignment, size_t size) { return took(__libc_memalign(alignment, size)); }

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
    void *taken = memalign(alignment, size);
    if (taken == NULL) return ENOMEM;
    *memory = taken;
    return 0;
}

void *realloc(void *memory, size_t size) {
    if (memory == NULL) return malloc(size);
    struct malloc_counts *now = atomic_load_explicit(&counts, memory_order_acquire);
    uint64_t before = malloc_usable_size(memory);
    void *moved = __libc_realloc(memory, size);
    if (moved == NULL && size > 0) return NULL;
    uint64_t after = moved == NULL ? 0 : malloc_usable_size(moved);
    add(&now->reallocations, 1);
    if (after > before) add(&now->allocated_bytes, after - before);
    add(&now->live_bytes, after - before);
    return moved;
}

void free(void *memory) {
    if (memory == NULL) return;
    struct malloc_counts *now = atomic_load_explicit(&counts, memory_order_acquire);
    add(&now->frees, 1);
    add(&now->live_bytes, 0 - (uint64_t)malloc_usable_size(memory));
    __libc_free(memory);
}
