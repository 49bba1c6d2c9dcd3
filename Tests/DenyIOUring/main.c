// SPDX-License-Identifier: MIT

// Runs a program where io_uring_setup answers EPERM, as in many containers:
// DenyIOUring PROGRAM ARGUMENT…

#include "ctest_support.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count < 2) return 2;
    int error = test_deny(test_number_of_io_uring_setup(), EPERM);
    if (error < 0) {
        fprintf(stderr, "no filter: errno %d\n", -error);
        return 3;
    }
    execv(words[1], words + 1);
    perror(words[1]);
    return 3;
}
