// SPDX-License-Identifier: MIT

// BearSSL, and what its headers do not give to Swift.
#pragma once

#include <bearssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// The layout that the functions below rely on is that of BearSSL 0.6 on 64-bit machines.
#if UINTPTR_MAX > 0xffffffff
_Static_assert(sizeof(br_ssl_engine_context) == 3616, "another BearSSL than 0.6");
#endif

enum {
    /// Room for any record that a peer may send, and for one that we send.
    MILLRACE_TLS_INPUT_SIZE = 16384 + 325,
    MILLRACE_TLS_OUTPUT_SIZE = 16384 + 85,
    /// Room for a sealed alert.
    MILLRACE_TLS_ALERT_SIZE = 64,
};

static inline const br_hash_class *millrace_tls_sha256(void) { return &br_sha256_vtable; }
static inline const br_hash_class *millrace_tls_sha384(void) { return &br_sha384_vtable; }
static inline const br_hash_class *millrace_tls_sha512(void) { return &br_sha512_vtable; }

/// Bytes of a hash.
static inline size_t millrace_tls_hash_size(const br_hash_class *hash) {
    return (hash->desc >> BR_HASHDESC_OUT_OFF) & BR_HASHDESC_OUT_MASK;
}

/// The algorithms of both sides: TLS 1.2, ECDHE, AEAD, and SHA-2. The versions, the suites and the
/// flags are the caller's, and so are the arithmetic of the curves and the check of signatures.
static inline void millrace_tls_set_algorithms(br_ssl_engine_context *engine,
                                               const br_ec_impl *curves, br_ecdsa_vrfy verify) {
    br_ssl_engine_set_versions(engine, BR_TLS12, BR_TLS12);
    br_ssl_engine_set_hash(engine, br_sha256_ID, &br_sha256_vtable);
    br_ssl_engine_set_hash(engine, br_sha384_ID, &br_sha384_vtable);
    br_ssl_engine_set_hash(engine, br_sha512_ID, &br_sha512_vtable);
    br_ssl_engine_set_prf_sha256(engine, &br_tls12_sha256_prf);
    br_ssl_engine_set_prf_sha384(engine, &br_tls12_sha384_prf);
    br_ssl_engine_set_default_rsavrfy(engine);
    br_ssl_engine_set_ecdsa(engine, verify);
    br_ssl_engine_set_ec(engine, curves);
    br_ssl_engine_set_default_aes_gcm(engine);
    br_ssl_engine_set_default_chapol(engine);
}

/// The same for the check of certificates.
static inline void millrace_tls_set_check_algorithms(br_x509_minimal_context *minimal,
                                                     const br_ssl_engine_context *engine) {
    br_x509_minimal_set_rsa(minimal, engine->irsavrfy);
    br_x509_minimal_set_ecdsa(minimal, engine->iec, engine->iecdsa);
    br_x509_minimal_set_hash(minimal, br_sha256_ID, &br_sha256_vtable);
    br_x509_minimal_set_hash(minimal, br_sha384_ID, &br_sha384_vtable);
    br_x509_minimal_set_hash(minimal, br_sha512_ID, &br_sha512_vtable);
    br_x509_minimal_set_minrsa(minimal, 2048 / 8);
}

/// Seeds the generator, in place of the system's seed.
static inline void millrace_tls_seed(br_ssl_engine_context *engine, const void *seed,
                                     size_t count) {
    engine->rng_init_done = 0;
    engine->rng_os_rand_done = 1;
    br_ssl_engine_inject_entropy(engine, seed, count);
}

/// Gives the engine its buffers, which hold nothing yet.
static inline void millrace_tls_attach(br_ssl_engine_context *engine, void *input, void *output) {
    br_ssl_engine_set_buffers_bidi(engine, input, MILLRACE_TLS_INPUT_SIZE, output,
                                   MILLRACE_TLS_OUTPUT_SIZE);
}

/// Whether the buffer for input holds nothing: neither a part of a record nor data.
static inline bool millrace_tls_is_input_idle(const br_ssl_engine_context *engine) {
    return engine->ixa == 0 && engine->ixb == 0;
}

/// Whether the buffer for output holds nothing: neither a record nor data for the next one.
static inline bool millrace_tls_is_output_idle(const br_ssl_engine_context *engine) {
    return engine->oxa != engine->oxb && engine->oxa == engine->oxc;
}

/// Other memory for the same, empty, buffers.
static inline void millrace_tls_set_input(br_ssl_engine_context *engine, void *input) {
    engine->ibuf = (unsigned char *)input;
}
static inline void millrace_tls_set_output(br_ssl_engine_context *engine, void *output) {
    engine->obuf = (unsigned char *)output;
}

/// Whether data may flow.
static inline bool millrace_tls_is_open(const br_ssl_engine_context *engine) {
    return engine->application_data == 1;
}

/// Feeds bytes from the wire; returns how many were taken. With `stops_when_open`, what follows the
/// handshake is left.
static inline size_t millrace_tls_take(br_ssl_engine_context *engine, const void *bytes,
                                       size_t count, bool stops_when_open) {
    size_t taken = 0;
    while (taken < count) {
        size_t room;
        unsigned char *buffer = br_ssl_engine_recvrec_buf(engine, &room);
        if (buffer == NULL) break;
        size_t part = count - taken < room ? count - taken : room;
        memcpy(buffer, (const unsigned char *)bytes + taken, part);
        br_ssl_engine_recvrec_ack(engine, part);
        taken += part;
        if (stops_when_open && millrace_tls_is_open(engine)) break;
    }
    return taken;
}

/// Takes plain bytes for sending; returns how many found room.
static inline size_t millrace_tls_write(br_ssl_engine_context *engine, const void *bytes,
                                        size_t count) {
    size_t room;
    unsigned char *buffer = br_ssl_engine_sendapp_buf(engine, &room);
    if (buffer == NULL) return 0;
    size_t part = count < room ? count : room;
    memcpy(buffer, bytes, part);
    br_ssl_engine_sendapp_ack(engine, part);
    return part;
}

/// Whether the engine has ended, well or not.
static inline bool millrace_tls_has_ended(const br_ssl_engine_context *engine) {
    return br_ssl_engine_current_state(engine) == BR_SSL_CLOSED;
}

/// What a failed engine had ready for the wire, and how much.
static inline const unsigned char *millrace_tls_unsent(const br_ssl_engine_context *engine,
                                                       size_t *count) {
    bool is_record = engine->oxa == engine->oxb && engine->oxc > engine->oxa;
    *count = is_record ? engine->oxc - engine->oxa : 0;
    return engine->obuf + engine->oxa;
}

/// Makes a fatal alert, protected as the engine's records are, in memory of
/// MILLRACE_TLS_ALERT_SIZE bytes. `*start` is where the record begins; returns its size.
static inline size_t millrace_tls_seal_alert(br_ssl_engine_context *engine, unsigned char *memory,
                                             unsigned char description, size_t *start) {
    size_t first = 5, end = MILLRACE_TLS_ALERT_SIZE - 5;
    size_t count = 2;
    engine->out.vtable->max_plaintext(&engine->out.vtable, &first, &end);
    memory[first] = 2;
    memory[first + 1] = description;
    unsigned char *record = engine->out.vtable->encrypt(
        &engine->out.vtable, 21, engine->version_out == 0 ? BR_TLS12 : engine->version_out,
        memory + first, &count);
    *start = (size_t)(record - memory);
    return count;
}
