// SPDX-License-Identifier: MIT

// nginx as a contender: writes a configuration, starts it, says where it listens, and at the end
// tells what its own status page counted. It sleeps while nginx is measured.

#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "contender.h"

static const char help[] =
    "usage: http_nginx_c --nginx PATH [--workers N] [--cert FILE --key FILE] [--root FOLDER]\n"
    "Starts nginx, which answers GET /hello with 'Hello, World!'. Prints 'listening on\n"
    "127.0.0.1:PORT'; SIGTERM ends it.\n"
    "  --cert FILE --key FILE  serve TLS 1.2 and nothing else\n"
    "  --root FOLDER           the files behind /files/\n"
    "  --nginx PATH  the program\n"
    "  --workers N   processes that serve (1); several share the port with SO_REUSEPORT\n";

static const char configuration[] =
    "daemon off;\n"
    "worker_processes %u;\n"
    "pid %s/pid;\n"
    "error_log stderr error;\n"
    "worker_rlimit_nofile 20000;\n"
    "events { worker_connections 19000; multi_accept on; }\n"
    "http {\n"
    "  access_log off;\n"
    "  keepalive_requests 1000000000;\n"
    "  keepalive_timeout 600s;\n"
    "  server_tokens off;\n"
    "  client_body_temp_path %s/body;\n"
    "  proxy_temp_path %s/proxy;\n"
    "  fastcgi_temp_path %s/fastcgi;\n"
    "  uwsgi_temp_path %s/uwsgi;\n"
    "  scgi_temp_path %s/scgi;\n"
    "  server {\n"
    "    listen 127.0.0.1:%u backlog=1024%s%s;\n"
    "%s"
    "    location = /hello { default_type text/plain; return 200 \"Hello, World!\"; }\n"
    "    location /files/ { alias %s/; }\n"
    "  }\n"
    "  server { listen 127.0.0.1:%u; location = /status { stub_status; } }\n"
    "}\n";

static char folder[] = "/tmp/millrace-bench-nginx-XXXXXX";
static pid_t child;

struct counts {
    unsigned long long accepted;
    unsigned long long requests;
};

/// What is served, beside the port.
struct service {
    unsigned workers;
    const char *certificate;
    const char *key;
    const char *root;
};

static void write_configuration(const char *path, uint16_t port, uint16_t status_port,
                                const struct service *service) {
    FILE *file = fopen(path, "w");
    if (file == NULL) contender_fail(path);
    bool has_tls = service->certificate[0] != 0;
    char tls[2048] = "";
    if (has_tls) {
        int size = snprintf(tls, sizeof tls,
                            "    ssl_certificate %s;\n    ssl_certificate_key %s;\n"
                            "    ssl_protocols TLSv1.2;\n    ssl_session_timeout 1h;\n"
                            "    ssl_session_cache shared:bench:4m;\n",
                            service->certificate, service->key);
        if (size >= (int)sizeof tls) contender_fail("a path that is too long");
    }
    fprintf(file, configuration, service->workers, folder, folder, folder, folder, folder, folder,
            port, has_tls ? " ssl" : "", service->workers > 1 ? " reuseport" : "", tls,
            service->root, status_port);
    if (fclose(file) != 0) contender_fail(path);
}

/// A port that was free a moment ago.
static uint16_t free_port(void) {
    int fd = contender_listen_quietly(0);
    uint16_t port = contender_port(fd);
    close(fd);
    return port;
}

static void start(const char *program, const char *path) {
    pid_t parent = getpid();
    child = fork();
    if (child < 0) contender_fail("fork");
    if (child > 0) return;
    // Not SIGKILL: the workers would live on.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(126);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execl(program, "nginx", "-e", "stderr", "-p", folder, "-c", path, (char *)NULL);
    fprintf(stderr, "http_nginx_c: %s: %s; './dev bench --peers' installs it\n", program,
            strerror(errno));
    _exit(127);
}

/// Reads a page; false if nobody answers.
static bool read_counts(uint16_t port, struct counts *counts) {
    int fd = contender_try_connect(port);
    if (fd < 0) return false;
    static const char request[] = "GET /status HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    bool is_sent = send(fd, request, sizeof request - 1, MSG_NOSIGNAL) == sizeof request - 1;
    char page[4096];
    size_t count = 0;
    ssize_t part = is_sent ? 1 : 0;
    while (part > 0 && count < sizeof page - 1) {  // Ends: nginx closes behind the page.
        part = recv(fd, page + count, sizeof page - 1 - count, 0);
        if (part > 0) count += (size_t)part;
    }
    close(fd);
    page[count] = 0;
    unsigned long long handled;
    const char *line = strstr(page, "requests\n");
    return line != NULL && sscanf(line + 9, " %llu %llu %llu", &counts->accepted, &handled,
                                  &counts->requests) == 3;
}

/// Waits until nginx answers.
static struct counts await(uint16_t port) {
    struct counts counts;
    for (int turn = 0; turn < 500; turn++) {
        if (read_counts(port, &counts)) return counts;
        if (waitpid(child, NULL, WNOHANG) != 0) exit(1);  // It has said why.
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    contender_complain("nginx does not answer");
    exit(1);
}

static void remove_folder(void) {
    static const char *const names[] = {"conf", "pid"};
    static const char *const folders[] = {"body", "proxy", "fastcgi", "uwsgi", "scgi"};
    char path[sizeof folder + 16];
    for (size_t index = 0; index < sizeof names / sizeof names[0]; index++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[index]);
        unlink(path);
    }
    for (size_t index = 0; index < sizeof folders / sizeof folders[0]; index++) {
        snprintf(path, sizeof path, "%s/%s", folder, folders[index]);
        rmdir(path);
    }
    rmdir(folder);
}

/// Ends nginx; its status.
static int stop(void) {
    int status = 0;
    kill(child, SIGTERM);
    if (waitpid(child, &status, 0) != child) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv) {
    contender_check(argc, argv, "--nginx --workers --cert --key --root", "--help", help);
    const char *program = contender_text(argc, argv, "--nginx", "/usr/sbin/nginx");
    struct service service = {
        .workers = (unsigned)contender_number(argc, argv, "--workers", 1, 1, 64),
        .certificate = contender_text(argc, argv, "--cert", ""),
        .key = contender_text(argc, argv, "--key", ""),
        .root = contender_text(argc, argv, "--root", "/nonexistent"),
    };
    contender_raise_descriptors();
    int signals = contender_signals();
    if (mkdtemp(folder) == NULL) contender_fail("mkdtemp");
    atexit(remove_folder);
    char path[sizeof folder + 16];
    snprintf(path, sizeof path, "%s/conf", folder);
    uint16_t port = free_port();
    uint16_t status_port = free_port();
    write_configuration(path, port, status_port, &service);
    start(program, path);
    struct counts before = await(status_port);
    printf("listening on 127.0.0.1:%u\n", port);
    fflush(stdout);
    struct pollfd item = {.fd = signals, .events = POLLIN};
    while (poll(&item, 1, -1) < 0 && errno == EINTR) continue;  // Ends with a signal.
    struct counts after = {0};
    bool is_known = read_counts(status_port, &after);
    int status = stop();
    if (!is_known) contender_complain("nginx says no counts");
    // The second look at the page is counted there too.
    printf("total connections=%llu requests=%llu\n", after.accepted - before.accepted - 1,
           after.requests - before.requests - 1);
    fflush(stdout);
    return is_known ? status : 1;
}
