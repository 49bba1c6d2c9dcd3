// SPDX-License-Identifier: MIT

// Children. All are started by one thread that lives as long as the process: the parent-death
// signal is sent when the *thread* that started a child ends, and threads of a pool come and go.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_support.h"

extern char **environ;

/// A child that shall be started, and what became of it.
struct request {
    char **arguments;
    char **environment;
    int cpu;
    int input;
    int output;
    int result;
    int is_done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct request *waiting;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int start_error;

/// In the child: only what may be called between fork and exec.
static _Noreturn void become(const struct request *request, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(126);
    if (request->cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(request->cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) != 0) _exit(126);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    dup2(request->input, STDIN_FILENO);
    dup2(request->output, STDOUT_FILENO);
    execve(request->arguments[0], request->arguments, request->environment);
    _exit(127);
}

static void *serve(void *context) {
    pthread_mutex_lock(&lock);
    while (1) {  // Ends with the process.
        while (waiting == NULL) pthread_cond_wait(&changed, &lock);
        struct request *request = waiting;
        waiting = NULL;
        pid_t parent = getpid();
        pid_t pid = fork();
        if (pid == 0) become(request, parent);
        request->result = pid < 0 ? -errno : pid;
        request->is_done = 1;
        pthread_cond_broadcast(&changed);
    }
    return context;
}

static void start_thread(void) {
    pthread_t thread;
    start_error = pthread_create(&thread, NULL, serve, NULL);
    if (start_error == 0) pthread_detach(thread);
}

/// Splits lines behind the pointers that are there already; the last is NULL. Changes the text.
static char **split(char *text, char **before) {
    size_t count = 1;
    for (char **next = before; next != NULL && *next != NULL; next++) count++;
    for (const char *next = text; *next != 0; next++) count += *next == '\n';
    char **words = calloc(count + 1, sizeof *words);
    if (words == NULL) return NULL;
    size_t filled = 0;
    for (char **next = before; next != NULL && *next != NULL; next++) words[filled++] = *next;
    while (*text != 0) {  // Ends: every turn goes on to the next line.
        words[filled++] = text;
        text += strcspn(text, "\n");
        if (*text != 0) *text++ = 0;
    }
    return words;
}

static void ask(struct request *request) {
    pthread_once(&once, start_thread);
    request->result = -start_error;
    if (start_error != 0) return;
    pthread_mutex_lock(&lock);
    while (waiting != NULL) pthread_cond_wait(&changed, &lock);
    waiting = request;
    pthread_cond_broadcast(&changed);
    while (!request->is_done) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

int bench_spawn(const char *arguments, const char *environment, int cpu, int *input, int *output) {
    int to_child[2], from_child[2];
    if (pipe2(to_child, O_CLOEXEC) != 0) return -errno;
    if (pipe2(from_child, O_CLOEXEC) != 0) {
        int code = errno;
        close(to_child[0]);
        close(to_child[1]);
        return -code;
    }
    struct request request = {.cpu = cpu, .input = to_child[0], .output = from_child[1]};
    char *words = strdup(arguments), *variables = strdup(environment);
    if (words != NULL && variables != NULL) {
        request.arguments = split(words, NULL);
        request.environment = split(variables, environ);
    }
    request.result = -ENOMEM;
    if (request.arguments != NULL && request.environment != NULL) ask(&request);
    free(request.arguments);
    free(request.environment);
    free(words);
    free(variables);
    close(to_child[0]);
    close(from_child[1]);
    if (request.result < 0) {
        close(to_child[1]);
        close(from_child[0]);
        return request.result;
    }
    *input = to_child[1];
    *output = from_child[0];
    return request.result;
}

int bench_wait(int pid, int timeout_milliseconds) {
    int handle = (int)syscall(SYS_pidfd_open, pid, 0);
    if (handle < 0) return -errno;
    struct pollfd item = {.fd = handle, .events = POLLIN};
    int ready = poll(&item, 1, timeout_milliseconds);
    int code = errno;
    close(handle);
    if (ready <= 0) return ready == 0 ? -ETIMEDOUT : -code;
    int status;
    if (waitpid(pid, &status, 0) != pid) return -errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

int bench_signal(int pid, int signal) { return kill(pid, signal) == 0 ? 0 : -errno; }
