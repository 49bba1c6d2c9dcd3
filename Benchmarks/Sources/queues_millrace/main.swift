// SPDX-License-Identifier: MIT

internal import Glibc

// The queues of ConcurrentQueues, used from another module: numbers through one of them.

exit(Subjects.run())
