// SPDX-License-Identifier: MIT

// What BearSSL calls in the course of a handshake: the choice of a certificate and the check of the
// peer's. Both record what they find, and call nobody.
#pragma once

#include "shim.h"

/// What BearSSL calls back with is the address of a table of functions; behind it lies the owner.
struct millrace_tls_hook {
    const void *table;
    void *owner;
};

/// A certificate with its chain and key; `rsa` or `ec` is NULL, both if there is none.
struct millrace_tls_choice {
    const br_x509_certificate *chain;
    size_t count;
    const br_rsa_private_key *rsa;
    const br_ec_private_key *ec;
};

/// A server's side of a connection.
struct millrace_tls_server {
    br_ssl_server_context context;
    /// The table of the choice, and behind it what there is to choose from.
    const br_ssl_server_policy_class *policy;
    /// What signs with a key of a curve.
    br_ecdsa_sign sign_ec;
    struct millrace_tls_choice ec;
    struct millrace_tls_choice rsa;
    /// Whether a certificate was chosen: the handshake is a full one.
    bool has_chosen;
    struct millrace_tls_hook sessions;
};

/// The check of the peer's certificates.
struct millrace_tls_check {
    const br_x509_class *table;
    br_x509_minimal_context minimal;
    br_sha256_context hash;
    /// SHA-256 of the peer's own certificate.
    unsigned char leaf_hash[32];
    br_ssl_engine_context *engine;
    /// A certificate that is refused ends the handshake although a missing one does not.
    bool ends_if_refused;
    size_t count;
    bool has_ended;
    unsigned fault;
};

/// The server's best hash among those that the client takes: bits by BearSSL's numbers.
static inline unsigned millrace_tls_best_hash(uint32_t hashes) {
    for (unsigned id = br_sha256_ID; id <= br_sha512_ID; id++) {
        if ((hashes >> id) & 1) return id;
    }
    return 0;
}

static inline struct millrace_tls_server *millrace_tls_policy_owner(
    const br_ssl_server_policy_class **policy) {
    return (struct millrace_tls_server *)((char *)policy -
                                          offsetof(struct millrace_tls_server, policy));
}

static inline int millrace_tls_choose(const br_ssl_server_policy_class **policy,
                                      const br_ssl_server_context *context,
                                      br_ssl_server_choices *result) {
    struct millrace_tls_server *server = millrace_tls_policy_owner(policy);
    uint32_t hashes = br_ssl_server_get_client_hashes(context);
    uint32_t curves = br_ssl_server_get_client_curves(context);
    unsigned ec_hash = millrace_tls_best_hash((hashes >> 8) & 0xff);
    unsigned rsa_hash = millrace_tls_best_hash(hashes & 0xff);
    bool has_ec = server->ec.ec != NULL && ec_hash != 0 && ((curves >> server->ec.ec->curve) & 1);
    bool has_rsa = server->rsa.rsa != NULL && rsa_hash != 0;
    for (size_t i = 0; i < context->client_suites_num; i++) {
        unsigned exchange = context->client_suites[i][1] >> 12;
        bool is_ec = exchange == BR_SSLKEYX_ECDHE_ECDSA && has_ec;
        if (!is_ec && !(exchange == BR_SSLKEYX_ECDHE_RSA && has_rsa)) continue;
        const struct millrace_tls_choice *choice = is_ec ? &server->ec : &server->rsa;
        result->cipher_suite = context->client_suites[i][0];
        result->algo_id = 0xff00 + (is_ec ? ec_hash : rsa_hash);
        result->chain = choice->chain;
        result->chain_len = choice->count;
        server->has_chosen = true;
        return 1;
    }
    return 0;
}

/// Only suites with a signature are offered.
static inline uint32_t millrace_tls_exchange(const br_ssl_server_policy_class **policy,
                                             unsigned char *data, size_t *count) {
    (void)policy;
    (void)data;
    (void)count;
    return 0;
}

static inline const unsigned char *millrace_tls_hash_oid(unsigned id) {
    switch (id) {
        case br_sha384_ID: return BR_HASH_OID_SHA384;
        case br_sha512_ID: return BR_HASH_OID_SHA512;
        default: return BR_HASH_OID_SHA256;
    }
}

static inline size_t millrace_tls_sign(const br_ssl_server_policy_class **policy,
                                       unsigned algorithm, unsigned char *data, size_t hash_count,
                                       size_t room) {
    struct millrace_tls_server *server = millrace_tls_policy_owner(policy);
    const br_ssl_engine_context *engine = &server->context.eng;
    unsigned id = algorithm & 0xff;
    unsigned char hash[64];
    if (hash_count > sizeof hash) return 0;
    memcpy(hash, data, hash_count);
    // Which key was chosen is told by the suite.
    bool is_ec = engine->session.cipher_suite == BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 ||
                 engine->session.cipher_suite == BR_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 ||
                 engine->session.cipher_suite == BR_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256;
    if (is_ec) {
        if (room < 139) return 0;
        const br_hash_class *hash_class = br_multihash_getimpl(&engine->mhash, (int)id);
        return server->sign_ec(engine->iec, hash_class, hash, server->ec.ec, data);
    }
    size_t count = (server->rsa.rsa->n_bitlen + 7) / 8;
    if (room < count) return 0;
    return br_rsa_pkcs1_sign_get_default()(millrace_tls_hash_oid(id), hash, hash_count,
                                           server->rsa.rsa, data)
               ? count
               : 0;
}

static inline const br_ssl_server_policy_class *millrace_tls_policy_table(void) {
    static const br_ssl_server_policy_class table = {
        sizeof(struct millrace_tls_server),
        millrace_tls_choose,
        millrace_tls_exchange,
        millrace_tls_sign,
    };
    return &table;
}

static inline struct millrace_tls_check *millrace_tls_check_owner(const br_x509_class **table) {
    return (struct millrace_tls_check *)table;
}

static inline void millrace_tls_start_chain(const br_x509_class **table, const char *name) {
    struct millrace_tls_check *check = millrace_tls_check_owner(table);
    check->count = 0;
    check->minimal.vtable->start_chain(&check->minimal.vtable, name);
}

static inline void millrace_tls_start_certificate(const br_x509_class **table, uint32_t count) {
    struct millrace_tls_check *check = millrace_tls_check_owner(table);
    if (check->count == 0) br_sha256_init(&check->hash);
    check->minimal.vtable->start_cert(&check->minimal.vtable, count);
}

static inline void millrace_tls_append(const br_x509_class **table, const unsigned char *bytes,
                                       size_t count) {
    struct millrace_tls_check *check = millrace_tls_check_owner(table);
    if (check->count == 0) br_sha256_update(&check->hash, bytes, count);
    check->minimal.vtable->append(&check->minimal.vtable, bytes, count);
}

static inline void millrace_tls_end_certificate(const br_x509_class **table) {
    struct millrace_tls_check *check = millrace_tls_check_owner(table);
    if (check->count == 0) br_sha256_out(&check->hash, check->leaf_hash);
    check->count++;
    check->minimal.vtable->end_cert(&check->minimal.vtable);
}

static inline unsigned millrace_tls_end_chain(const br_x509_class **table) {
    struct millrace_tls_check *check = millrace_tls_check_owner(table);
    check->fault = check->minimal.vtable->end_chain(&check->minimal.vtable);
    check->has_ended = true;
    if (check->fault != 0 && check->ends_if_refused) {
        // BearSSL's flag tolerates a missing certificate and a wrong one alike.
        br_ssl_engine_remove_flags(check->engine, BR_OPT_TOLERATE_NO_CLIENT_AUTH);
    }
    return check->fault;
}

static inline const br_x509_pkey *millrace_tls_public_key(const br_x509_class *const *table,
                                                          unsigned *usages) {
    const struct millrace_tls_check *check = (const struct millrace_tls_check *)table;
    return check->minimal.vtable->get_pkey(&check->minimal.vtable, usages);
}

static inline const br_x509_class *millrace_tls_check_table(void) {
    static const br_x509_class table = {
        sizeof(struct millrace_tls_check),
        millrace_tls_start_chain,
        millrace_tls_start_certificate,
        millrace_tls_append,
        millrace_tls_end_certificate,
        millrace_tls_end_chain,
        millrace_tls_public_key,
    };
    return &table;
}

/// Makes a check against the anchors, on the day that is so many seconds after 1970-01-01 UTC.
static inline void millrace_tls_open_check(struct millrace_tls_check *check,
                                           br_ssl_engine_context *engine,
                                           const br_x509_trust_anchor *anchors, size_t count,
                                           int64_t seconds) {
    // Days are counted from the first of January of the year 0.
    enum { DAYS_BEFORE_1970 = 719528, SECONDS_OF_A_DAY = 86400 };
    memset(check, 0, sizeof *check);
    check->table = millrace_tls_check_table();
    check->engine = engine;
    br_x509_minimal_init(&check->minimal, &br_sha256_vtable, anchors, count);
    millrace_tls_set_check_algorithms(&check->minimal, engine);
    if (seconds >= 0) {
        br_x509_minimal_set_time(&check->minimal,
                                 (uint32_t)(seconds / SECONDS_OF_A_DAY + DAYS_BEFORE_1970),
                                 (uint32_t)(seconds % SECONDS_OF_A_DAY));
    }
    br_ssl_engine_set_x509(engine, &check->table);
}

/// Makes a server's side from a template: what is common to all connections of a policy.
static inline void millrace_tls_copy_server(struct millrace_tls_server *server,
                                            const struct millrace_tls_server *pattern) {
    memcpy(server, pattern, sizeof *server);
    server->policy = millrace_tls_policy_table();
    br_ssl_server_set_policy(&server->context, &server->policy);
}

/// The sessions that a server's side may go on with.
static inline void millrace_tls_set_sessions(struct millrace_tls_server *server,
                                             const br_ssl_session_cache_class *table, void *owner) {
    server->sessions.table = table;
    server->sessions.owner = owner;
    br_ssl_server_set_cache(&server->context,
                            (const br_ssl_session_cache_class **)&server->sessions.table);
}
