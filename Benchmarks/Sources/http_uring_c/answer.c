// SPDX-License-Identifier: MIT

// What is answered. The head of the one good answer is composed once a second, for its date.

#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http.h"

static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

static char hello[256];
static size_t hello_size;
static time_t second;

void answer_refresh(void) {
    time_t now = time(NULL);
    if (now == second) return;
    second = now;
    struct tm parts;
    gmtime_r(&now, &parts);
    char date[64];
    // The C locale: this program sets no other.
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    hello_size = (size_t)snprintf(hello, sizeof hello,
                                  "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: text/plain\r\n"
                                  "Content-Length: 13\r\n\r\nHello, World!",
                                  date);
}

const char *answer_to(const char *head, size_t size, size_t *count) {
    static const char wanted[] = "GET /hello HTTP/1.1\r\n";
    total_requests++;
    bool is_hello = size > sizeof wanted && memcmp(head, wanted, sizeof wanted - 1) == 0;
    *count = is_hello ? hello_size : sizeof missing - 1;
    return is_hello ? hello : missing;
}
