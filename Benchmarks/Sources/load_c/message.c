// SPDX-License-Identifier: MIT

// What is sent: each message begins with eight bytes that no other has (connection and number);
// the rest is a fixed pattern. So every byte that comes back can be checked without keeping it.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contender.h"
#include "load.h"

enum { STAMP = 8, BLOCK = 256 * 1024 };

static size_t size;
static size_t per_block;
static char *block;
static char *pattern;

static uint64_t stamp(uint32_t connection, uint64_t message) {
    return ((uint64_t)connection << 40 | (message & 0xffffffffffull)) * 0x9e3779b97f4a7c15ull;
}

void messages_open(size_t bytes) {
    size = bytes;
    per_block = bytes < BLOCK ? BLOCK / bytes : 1;
    block = malloc(per_block * bytes);
    pattern = malloc(bytes);
    if (block == NULL || pattern == NULL) contender_fail("malloc");
    for (size_t index = 0; index < bytes; index++) pattern[index] = (char)(index * 131 + 7);
    for (size_t index = 0; index < per_block; index++) {
        memcpy(block + index * bytes, pattern, bytes);
    }
}

const char *messages_at(uint32_t connection, uint64_t offset, uint64_t end, size_t *count) {
    uint64_t first = offset / size;
    uint64_t wanted = (end + size - 1) / size - first;
    size_t messages = wanted < per_block ? (size_t)wanted : per_block;
    for (size_t index = 0; index < messages; index++) {
        uint64_t word = stamp(connection, first + index);
        memcpy(block + index * size, &word, STAMP);
    }
    size_t within = (size_t)(offset - first * size);
    size_t length = messages * size - within;
    *count = length < end - offset ? length : (size_t)(end - offset);
    return block + within;
}

static _Noreturn void differ(uint32_t index, const struct connection *connection) {
    fprintf(stderr, "load: what came back differs: connection %u, message %llu\n", index,
            (unsigned long long)connection->message);
    exit(1);
}

uint64_t messages_check(uint32_t index, struct connection *connection, const char *bytes,
                        size_t count) {
    uint64_t completed = 0;
    connection->received += count;
    if (connection->received > connection->sent) differ(index, connection);
    while (count > 0) {  // Ends: every turn takes at least a byte.
        size_t within = connection->within;
        size_t part = size - within < count ? size - within : count;
        size_t checked = 0;
        if (within < STAMP) {
            uint64_t word = stamp(index, connection->message);
            checked = part < STAMP - within ? part : STAMP - within;
            if (memcmp(bytes, (char *)&word + within, checked) != 0) differ(index, connection);
        }
        if (memcmp(bytes + checked, pattern + within + checked, part - checked) != 0) {
            differ(index, connection);
        }
        bytes += part;
        count -= part;
        connection->within += part;
        if (connection->within == size) {
            connection->within = 0;
            connection->message++;
            completed++;
        }
    }
    return completed;
}
