// SPDX-License-Identifier: MIT

#define _GNU_SOURCE
#include "millrace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

_Static_assert(MILLRACE_EACCES == EACCES && MILLRACE_EXDEV == EXDEV, "");
_Static_assert(MILLRACE_ENOTDIR == ENOTDIR && MILLRACE_ENAMETOOLONG == ENAMETOOLONG, "");
_Static_assert(MILLRACE_ELOOP == ELOOP, "");

// open_how and its flags, as linux/openat2.h has them; the C library's headers may be older.
struct open_beneath {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};
enum { NO_MAGIC_LINKS = 0x02, NO_SYMBOLIC_LINKS = 0x04, BENEATH = 0x08 };
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

enum { READ_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

/// How often an open is tried anew that a rename on the way has disturbed.
enum { ATTEMPTS_MAX = 16 };

static int status(int result) { return result < 0 ? -errno : result; }

int millrace_folder_open(const char *path) {
    return status(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/// The next part of a path, NUL-terminated; NULL if it is empty, a dot segment, or too long.
static const char *next_part(const char **path, char *part, size_t capacity) {
    const char *end = strchrnul(*path, '/');
    size_t count = (size_t)(end - *path);
    if (count == 0 || count >= capacity) return NULL;
    memcpy(part, *path, count);
    part[count] = 0;
    if (strcmp(part, "..") == 0 || strcmp(part, ".") == 0) return NULL;
    *path = *end == '/' ? end + 1 : end;
    return part;
}

int millrace_file_open_walking(int folder, const char *path) {
    char part[256];
    if (strcmp(path, ".") == 0) return status(openat(folder, ".", READ_FLAGS | O_NOFOLLOW));
    int current = folder;
    int result = -ENOENT;
    // Ends: every turn takes one part of the path.
    while (next_part(&path, part, sizeof part) != NULL) {
        int is_last = *path == 0;
        int flags = is_last ? READ_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC;
        result = status(openat(current, part, flags | O_NOFOLLOW));
        if (current != folder) close(current);
        if (result < 0 || is_last) return result;
        current = result;
        result = -EXDEV;
    }
    if (current != folder) close(current);
    return result == -ENOENT && *path != 0 ? -EXDEV : result;
}

int millrace_file_open_beneath(int folder, const char *path, bool follows_links) {
    struct open_beneath how = {
        .flags = READ_FLAGS,
        .resolve = BENEATH | NO_MAGIC_LINKS | (follows_links ? 0 : NO_SYMBOLIC_LINKS),
    };
    int result = -EAGAIN;
    for (int attempt = 0; attempt < ATTEMPTS_MAX && result == -EAGAIN; attempt++) {
        result = status((int)syscall(SYS_openat2, folder, path, &how, sizeof how));
    }
    if (result == -ENOSYS || result == -EPERM) return millrace_file_open_walking(folder, path);
    return result;
}

int millrace_file_info(int fd, struct millrace_file_info *info) {
    struct stat found;
    memset(info, 0, sizeof *info);
    if (fstat(fd, &found) < 0) return -errno;
    info->inode = (uint64_t)found.st_ino;
    info->byte_count = (uint64_t)found.st_size;
    info->modified_seconds = found.st_mtim.tv_sec;
    info->modified_nanoseconds = (uint32_t)found.st_mtim.tv_nsec;
    info->kind = S_ISREG(found.st_mode)   ? MILLRACE_FILE_REGULAR
                 : S_ISDIR(found.st_mode) ? MILLRACE_FILE_FOLDER
                                          : MILLRACE_FILE_OTHER;
    return 0;
}

int64_t millrace_file_read(int fd, void *bytes, size_t count, uint64_t offset) {
    ssize_t result = pread(fd, bytes, count, (off_t)offset);
    return result < 0 ? -errno : result;
}

int64_t millrace_file_load(const char *path, void *bytes, size_t capacity) {
    int fd = status(open(path, O_RDONLY | O_CLOEXEC));
    if (fd < 0) return fd;
    size_t count = 0;
    int64_t result = -EFBIG;
    // Ends: each turn reads a byte or more, or leaves. One byte more than there is room for shows
    // that the file is too long.
    while (true) {
        char extra;
        ssize_t part = count < capacity ? read(fd, (char *)bytes + count, capacity - count)
                                        : read(fd, &extra, 1);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) result = -errno;
        if (part == 0) result = (int64_t)count;
        if (part <= 0 || count == capacity) break;
        count += (size_t)part;
    }
    close(fd);
    return result;
}
