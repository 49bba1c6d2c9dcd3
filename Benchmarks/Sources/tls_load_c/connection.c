// SPDX-License-Identifier: MIT

// The connections: OpenSSL over non-blocking sockets, on level-triggered epoll.

#define _GNU_SOURCE
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "contender.h"
#include "tls_load.h"

enum { RECEIVE_SIZE = 64 * 1024, HEAD_MAX = 4096, FRESH_MAX = 64 };

/// A connection, which has at most one request under way.
struct connection {
    SSL *ssl;
    int fd;
    uint32_t events;
    bool is_busy;
    bool is_asked;
    /// The head of the answer as far as it has come; then how much of the body is missing.
    char head[HEAD_MAX];
    size_t head_size;
    uint64_t missing;
    bool has_head;
};

static const uint64_t patience = 10000000000ull;

static struct connection *connections;
static int epoll;
static SSL_CTX *context;
static SSL_SESSION *session;
static char request[512];
static int request_size;
static char received[RECEIVE_SIZE];
static uint64_t answered;
static uint64_t opened;
/// The first connection that has not been opened.
static uint32_t fresh;

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "tls_load: %s", what);
    unsigned long code = ERR_get_error();
    if (code != 0) fprintf(stderr, ": %s", ERR_error_string(code, NULL));
    fprintf(stderr, "\n");
    exit(1);
}

static void open_connection(struct connection *connection) {
    uint32_t index = (uint32_t)(connection - connections);
    connection->fd = contender_connect(options.port);
    if (contender_set_nonblocking(connection->fd) != 0) contender_fail("fcntl");
    connection->ssl = SSL_new(context);
    if (connection->ssl == NULL || SSL_set_fd(connection->ssl, connection->fd) != 1) {
        fail("SSL_new");
    }
    SSL_set_connect_state(connection->ssl);
    connection->events = EPOLLIN;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) contender_fail("epoll_ctl");
    opened++;
}

static void close_connection(struct connection *connection) {
    SSL_set_quiet_shutdown(connection->ssl, 0);
    SSL_shutdown(connection->ssl);
    SSL_free(connection->ssl);
    close(connection->fd);
}

void connections_open(void) {
    request_size = snprintf(request, sizeof request,
                            "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: tls_load\r\n\r\n",
                            options.path);
    if (request_size >= (int)sizeof request) fail("the path is too long");
    context = SSL_CTX_new(TLS_client_method());
    connections = calloc(options.connections, sizeof *connections);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (context == NULL || connections == NULL || epoll < 0) fail("setting up");
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256");
    SSL_CTX_set1_groups_list(context, "X25519:P-256");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

void connections_close(void) {
    for (uint32_t index = 0; index < fresh; index++) {
        if (connections[index].ssl != NULL) close_connection(&connections[index]);
    }
}

uint64_t connections_answered(void) { return answered; }
uint64_t connections_opened(void) { return opened; }

/// Waits for what OpenSSL wants.
static void want(struct connection *connection, int result) {
    int error = SSL_get_error(connection->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) fail("a connection broke");
    uint32_t events = error == SSL_ERROR_WANT_WRITE ? EPOLLOUT : EPOLLIN;
    if (events == connection->events) return;
    connection->events = events;
    uint32_t index = (uint32_t)(connection - connections);
    struct epoll_event event = {.events = events, .data.u32 = index};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, connection->fd, &event) != 0) contender_fail("epoll_ctl");
}

/// Looks for the end of the head, and at what it says.
static void take_head(struct connection *connection) {
    char *end = memmem(connection->head, connection->head_size, "\r\n\r\n", 4);
    if (end == NULL) {
        if (connection->head_size == HEAD_MAX) fail("a head without an end");
        return;
    }
    if (memcmp(connection->head, "HTTP/1.1 200 ", 13) != 0) fail("another status");
    *end = 0;
    char *length = strcasestr(connection->head, "\r\ncontent-length:");
    if (length == NULL || strtoull(length + 17, NULL, 10) != options.body_size) {
        fail("another length");
    }
    size_t rest = connection->head_size - (size_t)(end + 4 - connection->head);
    if (rest > options.body_size) fail("more than was asked for");
    connection->missing = options.body_size - rest;
    connection->has_head = true;
}

static void take(struct connection *connection, const char *bytes, size_t count) {
    if (connection->has_head) {
        if (count > connection->missing) fail("more than was asked for");
        connection->missing -= count;
        return;
    }
    size_t room = HEAD_MAX - connection->head_size;
    size_t part = count < room ? count : room;
    memcpy(connection->head + connection->head_size, bytes, part);
    connection->head_size += part;
    take_head(connection);
    if (count > part) take(connection, bytes + part, count - part);
}

static void begin(struct connection *connection) {
    if (connection->ssl == NULL) open_connection(connection);
    bool is_new = !SSL_is_init_finished(connection->ssl);
    if (is_new && session != NULL) SSL_set_session(connection->ssl, session);
    connection->is_busy = true;
    connection->is_asked = false;
    connection->has_head = false;
    connection->head_size = 0;
}

/// The handshake is over: was it what it should be? Keeps the session of the first.
static void look_at_session(struct connection *connection) {
    bool is_resumed = SSL_session_reused(connection->ssl);
    if (!options.comes_for_one) return;
    if (is_resumed != (session != NULL)) fail("a handshake of the other kind");
    if (options.resumes && session == NULL) session = SSL_get1_session(connection->ssl);
}

/// Goes on as far as possible; true if the answer is complete.
static bool proceed(struct connection *connection) {
    if (!connection->is_asked) {
        bool is_new = !SSL_is_init_finished(connection->ssl);
        int count = SSL_write(connection->ssl, request, request_size);
        if (is_new && SSL_is_init_finished(connection->ssl)) look_at_session(connection);
        if (count <= 0) {
            want(connection, count);
            return false;
        }
        if (count < request_size) fail("a request in pieces");
        connection->is_asked = true;
    }
    while (!connection->has_head || connection->missing > 0) {  // Ends: nothing there, or all.
        int count = SSL_read(connection->ssl, received, RECEIVE_SIZE);
        if (count <= 0) {
            want(connection, count);
            return false;
        }
        take(connection, received, (size_t)count);
    }
    connection->is_busy = false;
    answered++;
    return true;
}

uint64_t connections_run(uint64_t requests, uint64_t nanoseconds) {
    uint64_t before = answered, begun = 0;
    uint64_t now = contender_now(), progress = now;
    uint64_t deadline = nanoseconds > 0 ? now + nanoseconds : UINT64_MAX;
    // The first handshake alone: the others resume its session.
    // New connections come one behind the other, so that no handshake waits for thousands.
    bool is_first = fresh == 0;
    uint32_t limit = options.resumes && is_first ? 1 : options.connections;
    if (is_first && limit > FRESH_MAX) limit = FRESH_MAX;
    for (uint32_t index = 0; index < limit && begun < requests; index++, begun++) {
        if (index == fresh) fresh++;
        begin(&connections[index]);
        if (proceed(&connections[index])) fail("an answer before its request");
    }
    struct epoll_event events[256];
    while (answered - before < begun) {  // Ends: `patience`.
        int count = epoll_wait(epoll, events, 256, 1000);
        if (count < 0 && errno != EINTR) contender_fail("epoll_wait");
        now = contender_now();
        if (count > 0) progress = now;
        if (now - progress > patience) fail("no answer for 10 seconds");
        if (now >= deadline) requests = begun;
        for (int turn = 0; turn < count; turn++) {
            struct connection *connection = &connections[events[turn].data.u32];
            if (!connection->is_busy) fail("a connection that has nothing to say was closed");
            if (!proceed(connection)) continue;
            if (options.comes_for_one) {
                close_connection(connection);
                connection->ssl = NULL;
            }
            if (begun == requests) continue;
            begun++;
            struct connection *next =
                fresh < options.connections ? &connections[fresh++] : connection;
            begin(next);
            proceed(next);
        }
    }
    return answered - before;
}
