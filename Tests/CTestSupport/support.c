// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include "ctest_support.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int test_pipe_blocking(int *ends) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }

static int entry_count(const char *path) {
    DIR *folder = opendir(path);
    if (folder == NULL) return -1;
    int count = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') count++;
    }
    closedir(folder);
    return count;
}

int test_descriptor_count(void) { return entry_count("/proc/self/fd") - 1; }
int test_thread_count(void) { return entry_count("/proc/self/task"); }
int test_thread_id(void) { return gettid(); }

bool test_thread_sleeps(int id) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t count = read(fd, text, sizeof text - 1);
    close(fd);
    text[count > 0 ? count : 0] = 0;
    // Behind the name. proc(5).
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' && end[2] == 'S';
}

static int option(int fd, int level, int name, int *value) {
    socklen_t length = sizeof *value;
    return getsockopt(fd, level, name, value, &length) < 0 ? -errno : 0;
}

int test_tcp_options(int fd, struct test_tcp_options *options) {
    struct linger linger = {0};
    socklen_t length = sizeof linger;
    int result = option(fd, IPPROTO_TCP, TCP_NODELAY, &options->no_delay);
    if (result == 0) result = option(fd, SOL_SOCKET, SO_KEEPALIVE, &options->keep_alive);
    if (result == 0) result = option(fd, IPPROTO_TCP, TCP_KEEPIDLE, &options->keep_idle);
    if (result == 0) result = option(fd, IPPROTO_TCP, TCP_KEEPINTVL, &options->keep_interval);
    if (result == 0) result = option(fd, IPPROTO_TCP, TCP_KEEPCNT, &options->keep_count);
    if (result == 0) result = option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &options->unsent_limit);
    if (result < 0) return result;
    if (getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length) < 0) return -errno;
    options->linger_seconds = linger.l_onoff ? linger.l_linger : -1;
    return 0;
}

static int install(const struct sock_fprog *program) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -errno;
    long result =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program);
    return result < 0 ? -errno : 0;
}

int test_deny(int number, int error) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return install(&program);
}

int test_deny_registering(int operation, int error) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_register, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)operation, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return install(&program);
}

long test_resident_byte_count(void) {
    long all = 0;
    long resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) return 0;
    int count = fscanf(file, "%ld %ld", &all, &resident);
    fclose(file);
    return count == 2 ? resident * sysconf(_SC_PAGESIZE) : 0;
}

int test_number_of_io_uring_setup(void) { return SYS_io_uring_setup; }
int test_number_of_epoll_pwait2(void) { return SYS_epoll_pwait2; }
int test_number_of_eventfd(void) { return SYS_eventfd2; }
int test_operation_of_probing(void) { return IORING_REGISTER_PROBE; }
int test_operation_of_buffers(void) { return IORING_REGISTER_PBUF_RING; }
int test_operation_of_enabling(void) { return IORING_REGISTER_ENABLE_RINGS; }

int64_t test_send_urgent(int fd, const void *bytes, size_t count) {
    ssize_t sent = send(fd, bytes, count, MSG_OOB | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

int test_raise(int signal) { return kill(getpid(), signal) < 0 ? -errno : 0; }

static int collect(int fd, char *output, int capacity) {
    int count = 0;
    while (count < capacity - 1) {
        ssize_t got = read(fd, output + count, (size_t)(capacity - 1 - count));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        count += (int)got;
    }
    output[count] = 0;
    return count;
}

int test_run(const char *path, const char *first, const char *second, char *output, int capacity) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    char *arguments[] = {(char *)path, (char *)first, (char *)second, NULL};
    pid_t child;
    int error = posix_spawn(&child, path, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0) {
        close(ends[0]);
        return -error;
    }
    collect(ends[0], output, capacity);
    close(ends[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return status;
}

int test_own_path(char *path, int capacity) {
    ssize_t count = readlink("/proc/self/exe", path, (size_t)capacity - 1);
    if (count < 0) return -errno;
    path[count] = 0;
    return (int)count;
}
