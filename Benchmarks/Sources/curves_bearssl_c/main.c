// SPDX-License-Identifier: MIT

// What BearSSL's own elliptic curves cost: one operation over and over, each on the last result.

#include <bearssl.h>
#include <stdio.h>
#include <string.h>

#include "contender.h"
#include "curve_rounds.h"

static const char help[] =
    "usage: curves_bearssl_c --operation NAME [--rounds N]\n"
    "Computes on a curve N times (1000) and prints one line of results.\n"
    "  --operation NAME  x25519-key, x25519-agree, p256-key, p256-agree, p256-sum\n";

static void compute(enum curve_operation operation, const struct curve_inputs *inputs,
                    unsigned char *result) {
    const br_ec_impl *curves = br_ec_get_default();
    unsigned char point[65];
    switch (operation) {
        case X25519_KEY:
            curves->mulgen(result, inputs->scalar, 32, BR_EC_curve25519);
            return;
        case X25519_AGREE:
            memcpy(result, inputs->scalar, 32);
            curves->mul(result, 32, curve_own_scalar, 32, BR_EC_curve25519);
            return;
        case P256_KEY:
            curves->mulgen(point, inputs->scalar, 32, BR_EC_secp256r1);
            break;
        case P256_AGREE:
            memcpy(point, curve_base_point, 65);
            curves->mul(point, 65, inputs->scalar, 32, BR_EC_secp256r1);
            break;
        case P256_SUM:
            memcpy(point, curve_base_point, 65);
            curves->muladd(point, NULL, 65, inputs->scalar, 32, inputs->other, 32,
                           BR_EC_secp256r1);
            break;
    }
    memcpy(result, point + 1, 32);
}

int main(int argc, char **argv) {
    contender_check(argc, argv, "--operation --rounds", "", help);
    return curve_rounds(argc, argv, compute);
}
