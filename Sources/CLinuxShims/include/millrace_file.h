// SPDX-License-Identifier: MIT

// Files below a folder, in plain types.
//
// Every function that can fail returns a negated errno, so that no caller reads a thread-local.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Values that Linux gives these names on every architecture Swift supports; file.c asserts them.
enum {
    MILLRACE_EACCES = 13,
    MILLRACE_EXDEV = 18,
    MILLRACE_ENOTDIR = 20,
    MILLRACE_ENAMETOOLONG = 36,
    MILLRACE_ELOOP = 40,
};

/// What a descriptor names.
enum {
    MILLRACE_FILE_REGULAR = 1,
    MILLRACE_FILE_FOLDER = 2,
    MILLRACE_FILE_OTHER = 3,
};

/// What fstat(2) says of a file.
struct millrace_file_info {
    uint64_t inode;
    uint64_t byte_count;
    int64_t modified_seconds;
    uint32_t modified_nanoseconds;
    uint32_t kind;
};

/// A folder as a place to start from, O_PATH: the descriptor or a negated errno.
int millrace_folder_open(const char *path);
/// Opens a file or folder for reading whose path from `folder` on never leaves it: no "..", no
/// absolute path, no link that leads out; with `follows_links` false no symbolic link at all.
/// A FIFO or device does not block. openat2(2), RESOLVE_BENEATH; where the kernel or a filter has
/// no openat2, the path is walked part by part and links are refused in either case.
int millrace_file_open_beneath(int folder, const char *path, bool follows_links);
/// The same by the walk alone: for tests.
int millrace_file_open_walking(int folder, const char *path);
int millrace_file_info(int fd, struct millrace_file_info *info);
/// pread(2).
int64_t millrace_file_read(int fd, void *bytes, size_t count, uint64_t offset);
/// Reads a whole file of at most `capacity` bytes: how many they are, or a negated errno; EFBIG if
/// there are more.
int64_t millrace_file_load(const char *path, void *bytes, size_t capacity);
