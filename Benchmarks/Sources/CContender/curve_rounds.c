// SPDX-License-Identifier: MIT

#include "curve_rounds.h"

#include <stdio.h>
#include <string.h>

#include "contender.h"

const unsigned char curve_own_scalar[32] = {0x48, 1, 2, 3, 4, 5, 6, [31] = 0x55};

const unsigned char curve_base_point[65] = {
    0x04, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5,
    0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4,
    0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a,
    0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33,
    0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

static enum curve_operation operation_named(const char *name) {
    static const char *const names[] = {"x25519-key", "x25519-agree", "p256-key", "p256-agree",
                                        "p256-sum"};
    for (int index = 0; index < 5; index++) {
        if (strcmp(name, names[index]) == 0) return (enum curve_operation)index;
    }
    contender_fail("no such operation");
}

int curve_rounds(int argc, char **argv,
                 void (*compute)(enum curve_operation, const struct curve_inputs *,
                                 unsigned char *)) {
    enum curve_operation operation =
        operation_named(contender_text(argc, argv, "--operation", "x25519-key"));
    uint64_t rounds = contender_number(argc, argv, "--rounds", 1000, 1, 100000000);
    unsigned char result[32];
    for (int index = 0; index < 32; index++) result[index] = (unsigned char)(7 * index + 1);
    struct curve_inputs inputs;
    uint64_t start = 0;
    // The first is not counted: it makes tables and groups.
    for (uint64_t round = 0; round <= rounds; round++) {
        if (round == 1) start = contender_cpu_precise();
        for (int index = 0; index < 32; index++) {
            inputs.scalar[index] = result[index];
            inputs.other[index] = result[31 - index];
        }
        inputs.scalar[0] &= 0x7f;
        inputs.other[0] &= 0x7f;
        inputs.scalar[31] |= 1;
        inputs.other[31] |= 1;
        compute(operation, &inputs, result);
    }
    uint64_t nanoseconds = contender_cpu_precise() - start;
    uint64_t checksum;
    memcpy(&checksum, result, 8);
    printf("result rounds=%llu checksum=%llu nanoseconds=%llu\n", (unsigned long long)rounds,
           (unsigned long long)checksum, (unsigned long long)nanoseconds);
    return 0;
}
