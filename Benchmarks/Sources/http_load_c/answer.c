// SPDX-License-Identifier: MIT

// What comes back. Every answer is looked at: it is the same bytes as one that was found to be
// right, or it is parsed.

#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "load.h"

enum { HEAD_MAX = 4096 };

static const char body[] = "Hello, World!";
static const char status[] = "HTTP/1.1 200 ";
static const size_t body_size = sizeof body - 1;

/// The last answer that was parsed.
static char known[HEAD_MAX + sizeof body];
static size_t known_size;

static _Noreturn void differ(const char *what, const char *bytes, size_t count) {
    fprintf(stderr, "http_load: %s: '%.*s'\n", what, (int)(count < 400 ? count : 400), bytes);
    exit(1);
}

/// The value of a line if it is a field of that name.
static const char *value_of(const char *line, const char *end, const char *name) {
    size_t length = strlen(name);
    if ((size_t)(end - line) <= length || strncasecmp(line, name, length) != 0) return NULL;
    if (line[length] != ':') return NULL;
    const char *value = line + length + 1;
    while (value < end && *value == ' ') value++;
    return value;
}

/// Checks the fields; `end` is behind the line end of the last.
static void check_fields(const char *bytes, const char *end) {
    bool has_length = false, has_date = false;
    const char *line = memmem(bytes, (size_t)(end - bytes), "\r\n", 2);
    while (line != NULL && line + 2 < end) {  // Ends: a line further each time.
        line += 2;
        const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
        if (stop == NULL) break;
        const char *value = value_of(line, stop, "Content-Length");
        if (value != NULL) has_length = (size_t)strtoul(value, NULL, 10) == body_size;
        if (value_of(line, stop, "Date") != NULL) has_date = true;
        value = value_of(line, stop, "Connection");
        bool is_closing = value != NULL && strncasecmp(value, "close", 5) == 0;
        if (is_closing || value_of(line, stop, "Transfer-Encoding") != NULL) {
            differ("not an answer to be kept alive", bytes, (size_t)(end - bytes));
        }
        line = stop;
    }
    if (!has_length) differ("another length", bytes, (size_t)(end - bytes));
    if (!has_date) differ("no date", bytes, (size_t)(end - bytes));
}

size_t answer_check(const char *bytes, size_t count) {
    if (known_size > 0 && count >= known_size && memcmp(bytes, known, known_size) == 0) {
        return known_size;
    }
    size_t start = count < sizeof status - 1 ? count : sizeof status - 1;
    if (memcmp(bytes, status, start) != 0) differ("another status", bytes, count);
    const char *end = memmem(bytes, count < HEAD_MAX ? count : HEAD_MAX, "\r\n\r\n", 4);
    if (end == NULL) {
        if (count >= HEAD_MAX) differ("a head without an end", bytes, count);
        return 0;
    }
    check_fields(bytes, end + 2);
    size_t head = (size_t)(end - bytes) + 4;
    if (count < head + body_size) return 0;
    if (memcmp(bytes + head, body, body_size) != 0) differ("another body", bytes, count);
    known_size = head + body_size;
    memcpy(known, bytes, known_size);
    return known_size;
}
