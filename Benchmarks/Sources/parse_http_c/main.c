// SPDX-License-Identifier: MIT

// What it costs http-parser, the C parser that Node used, to parse one request's head over and
// over, and to note where its target, names and values lie.

#include <http_parser.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contender.h"

static const char help[] =
    "usage: parse_http_c --file PATH [--rounds N]\n"
    "Parses the request in a file N times and prints one line of results.\n"
    "  --file PATH  the request's head, and nothing else\n"
    "  --rounds N   how often (1000000)\n";

enum { FIELDS_MAX = 64, BYTES_MAX = 65536 };

struct text {
    const char *start;
    size_t count;
};

struct request {
    struct text target;
    struct text names[FIELDS_MAX];
    struct text values[FIELDS_MAX];
    size_t fields;
    int complete;
};

static int take_target(http_parser *parser, const char *at, size_t count) {
    struct request *request = parser->data;
    request->target = (struct text){at, count};
    return 0;
}

static int take_name(http_parser *parser, const char *at, size_t count) {
    struct request *request = parser->data;
    if (request->fields == FIELDS_MAX) return 1;
    request->names[request->fields] = (struct text){at, count};
    return 0;
}

static int take_value(http_parser *parser, const char *at, size_t count) {
    struct request *request = parser->data;
    request->values[request->fields++] = (struct text){at, count};
    return 0;
}

static int take_end(http_parser *parser) {
    struct request *request = parser->data;
    request->complete = 1;
    return 0;
}

static size_t read_file(const char *path, char *bytes) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) contender_fail(path);
    size_t count = fread(bytes, 1, BYTES_MAX, file);
    if (ferror(file) || count == BYTES_MAX) contender_fail("reading the request");
    fclose(file);
    return count;
}

int main(int argc, char **argv) {
    contender_check(argc, argv, "--file --rounds", "", help);
    static char bytes[BYTES_MAX];
    size_t count = read_file(contender_text(argc, argv, "--file", ""), bytes);
    uint64_t rounds = contender_number(argc, argv, "--rounds", 1000000, 1, 1000000000);

    http_parser_settings settings;
    http_parser_settings_init(&settings);
    settings.on_url = take_target;
    settings.on_header_field = take_name;
    settings.on_header_value = take_value;
    settings.on_message_complete = take_end;

    uint64_t parsed = 0, fields = 0, kept = 0;
    uint64_t start = contender_cpu_precise();
    for (uint64_t round = 0; round < rounds; round++) {
        struct request request;
        request.fields = 0;
        request.complete = 0;
        http_parser parser;
        http_parser_init(&parser, HTTP_REQUEST);
        parser.data = &request;
        parsed += http_parser_execute(&parser, &settings, bytes, count);
        if (!request.complete) {
            contender_complain("the request was not parsed to its end");
            return 1;
        }
        fields += request.fields;
        kept += (uint64_t)http_should_keep_alive(&parser);
    }
    uint64_t nanoseconds = contender_cpu_precise() - start;
    printf("result rounds=%llu bytes=%llu fields=%llu kept=%llu nanoseconds=%llu\n",
           (unsigned long long)rounds, (unsigned long long)parsed, (unsigned long long)fields,
           (unsigned long long)kept, (unsigned long long)nanoseconds);
    return 0;
}
