// SPDX-License-Identifier: MIT

// What OpenSSL's elliptic curves cost: one operation over and over, each on the last result.

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <stdio.h>
#include <string.h>

#include "contender.h"
#include "curve_rounds.h"

static const char help[] =
    "usage: curves_openssl_c --operation NAME [--rounds N]\n"
    "Computes on a curve N times (1000) and prints one line of results.\n"
    "  --operation NAME  x25519-key, x25519-agree, p256-key, p256-agree, p256-sum\n";

static void check(int is_good) {
    if (!is_good) contender_fail("OpenSSL");
}

static void key(const unsigned char *scalar, unsigned char *result) {
    size_t count = 32;
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, scalar, 32);
    check(key != NULL && EVP_PKEY_get_raw_public_key(key, result, &count) == 1);
    EVP_PKEY_free(key);
}

/// The own key is made once: deriving it is not the agreement's cost.
static void agree(const unsigned char *point, unsigned char *result) {
    static EVP_PKEY *own;
    if (own == NULL) {
        own = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, curve_own_scalar, 32);
    }
    size_t count = 32;
    EVP_PKEY *peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, point, 32);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    check(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, peer) == 1 &&
          EVP_PKEY_derive(context, result, &count) == 1);
    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer);
}

static void compute_p256(enum curve_operation operation, const struct curve_inputs *inputs,
                         unsigned char *result) {
    static EC_GROUP *group;
    static EC_POINT *point, *sum;
    static BN_CTX *context;
    static BIGNUM *scalar, *other;
    if (group == NULL) {
        group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
        context = BN_CTX_new();
        point = EC_POINT_new(group);
        sum = EC_POINT_new(group);
        scalar = BN_new();
        other = BN_new();
        check(EC_POINT_oct2point(group, point, curve_base_point, 65, context) == 1);
    }
    BN_bin2bn(inputs->scalar, 32, scalar);
    BN_bin2bn(inputs->other, 32, other);
    const BIGNUM *base = operation == P256_KEY ? scalar : operation == P256_SUM ? other : NULL;
    bool has_point = operation != P256_KEY;
    check(EC_POINT_mul(group, sum, base, has_point ? point : NULL, has_point ? scalar : NULL,
                       context) == 1);
    unsigned char bytes[65];
    check(EC_POINT_point2oct(group, sum, POINT_CONVERSION_UNCOMPRESSED, bytes, 65, context) ==
          65);
    memcpy(result, bytes + 1, 32);
}

static void compute(enum curve_operation operation, const struct curve_inputs *inputs,
                    unsigned char *result) {
    if (operation == X25519_KEY) {
        key(inputs->scalar, result);
    } else if (operation == X25519_AGREE) {
        agree(inputs->scalar, result);
    } else {
        compute_p256(operation, inputs, result);
    }
}

int main(int argc, char **argv) {
    contender_check(argc, argv, "--operation --rounds", "", help);
    return curve_rounds(argc, argv, compute);
}
