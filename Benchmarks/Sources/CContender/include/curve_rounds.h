// SPDX-License-Identifier: MIT

// What the contenders that compute on curves share: inputs, rounds, and the line of results.
#pragma once

#include <stdint.h>

enum curve_operation { X25519_KEY, X25519_AGREE, P256_KEY, P256_AGREE, P256_SUM };

/// What an operation is done on: the last result, and a second number made of it. As numbers of
/// P-256 both are below its order. An agreement on X25519 takes `scalar` as the peer's point, and
/// `curve_own_scalar` as its own secret.
struct curve_inputs {
    unsigned char scalar[32];
    unsigned char other[32];
};

extern const unsigned char curve_own_scalar[32];
/// The base point of P-256, not compressed.
extern const unsigned char curve_base_point[65];

/// Does what `--operation` says, `--rounds` times, and prints
/// "result rounds=N checksum=N nanoseconds=N": CPU time. The function writes 32 bytes: what
/// X25519 gives, or the x of a point.
static inline const unsigned char *millrace_base_point(void) { return curve_base_point; }
static inline const unsigned char *millrace_own_scalar(void) { return curve_own_scalar; }

int curve_rounds(int argc, char **argv,
                 void (*compute)(enum curve_operation, const struct curve_inputs *,
                                 unsigned char *));
