// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include "contender.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void refuse(const char *format, const char *word) {
    fprintf(stderr, "%s: ", program_invocation_short_name);
    fprintf(stderr, format, word);
    fprintf(stderr, "; see --help\n");
    exit(2);
}

static int find(int argc, char **argv, const char *option) {
    for (int index = 1; index < argc; index++) {
        if (strcmp(argv[index], option) == 0) return index;
    }
    return 0;
}

bool contender_flag(int argc, char **argv, const char *option) {
    return find(argc, argv, option) != 0;
}

const char *contender_text(int argc, char **argv, const char *option, const char *fallback) {
    int index = find(argc, argv, option);
    return index == 0 ? fallback : argv[index + 1];
}

uint64_t contender_number(int argc, char **argv, const char *option, uint64_t fallback,
                          uint64_t least, uint64_t most) {
    const char *text = contender_text(argc, argv, option, NULL);
    if (text == NULL) return fallback;
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    bool is_number = text[0] >= '0' && text[0] <= '9' && *end == 0 && errno == 0;
    if (!is_number || number < least || number > most) {
        fprintf(stderr, "%s: %s takes a number from %llu to %llu, not '%s'\n",
                program_invocation_short_name, option, (unsigned long long)least,
                (unsigned long long)most, text);
        exit(2);
    }
    return number;
}

static bool is_listed(const char *word, const char *list) {
    size_t length = strlen(word);
    while (*list != 0) {
        size_t next = strcspn(list, " ");
        if (next == length && strncmp(word, list, length) == 0) return true;
        list += next + (list[next] == ' ');
    }
    return false;
}

void contender_check(int argc, char **argv, const char *options, const char *flags,
                     const char *help) {
    if (contender_flag(argc, argv, "--help")) {
        fputs(help, stdout);
        exit(0);
    }
    for (int index = 1; index < argc; index++) {
        if (is_listed(argv[index], flags)) continue;
        if (!is_listed(argv[index], options)) refuse("unknown argument '%s'", argv[index]);
        if (index + 1 == argc) refuse("%s takes a value", argv[index]);
        index++;
    }
}
