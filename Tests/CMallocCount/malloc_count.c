// SPDX-License-Identifier: MIT

#include "malloc_count.h"

#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

#ifdef IS_SANITIZED

int64_t test_allocation_count(void) { return -1; }
int64_t test_live_allocation_count(void) { return 0; }
void test_scribble_over_memory(void) {}

#else

#include <malloc.h>
#include <string.h>

// The C library's own, under the names that it exports for this.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static int64_t allocation_count;
static int scribbles;
static __thread int64_t live_count;

// Notes one request, which led to this.
static void *note(void *memory) {
    __atomic_fetch_add(&allocation_count, 1, __ATOMIC_RELAXED);
    if (memory != NULL) live_count++;
    return memory;
}

int64_t test_live_allocation_count(void) { return live_count; }

int64_t test_allocation_count(void) { return __atomic_load_n(&allocation_count, __ATOMIC_RELAXED); }

void test_scribble_over_memory(void) { __atomic_store_n(&scribbles, 1, __ATOMIC_RELAXED); }

static void *scribble(void *memory) {
    if (memory != NULL && __atomic_load_n(&scribbles, __ATOMIC_RELAXED)) {
        memset(memory, 0xDC, malloc_usable_size(memory));
    }
    return memory;
}

void *malloc(size_t size) { return scribble(note(__libc_malloc(size))); }

void *calloc(size_t count, size_t size) { return note(__libc_calloc(count, size)); }

void *realloc(void *memory, size_t size) {
    if (memory != NULL) live_count--;
    void *moved = note(__libc_realloc(memory, size));
    // What could not grow is there still.
    if (moved == NULL && memory != NULL && size != 0) live_count++;
    return moved;
}

void *memalign(size_t alignment, size_t size) {
    return scribble(note(__libc_memalign(alignment, size)));
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **memory, size_t alignment, size_t size) {
    // As the C library's own: else programs that are counted could ask for what others trap at.
    if (alignment == 0 || alignment % sizeof(void *) != 0) return 22;  // EINVAL
    if ((alignment & (alignment - 1)) != 0) return 22;
    *memory = memalign(alignment, size);
    return *memory == NULL ? 12 : 0;  // ENOMEM
}

void free(void *memory) {
    if (memory != NULL) live_count--;
    __libc_free(scribble(memory));
}

#endif
