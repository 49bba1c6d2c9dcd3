// SPDX-License-Identifier: MIT

internal import EventLoops
internal import Glibc

/// A pipe to oneself: a byte in it makes poll(2) return. It is written on any thread and read on
/// the loop's.
struct WakePipe: ~Copyable, Sendable {
    /// The end to wait for.
    let reader: Int32
    private let writer: Int32

    init() throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        // SAFETY: room for two.
        guard unsafe pipe(&ends) == 0 else { throw SystemError(.eventDescriptor, code: errno) }
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
        reader = ends[0]
        writer = ends[1]
    }

    deinit {
        _ = close(reader)
        _ = close(writer)
    }

    /// Puts a byte in. If there is no room for one, there are many: that is as good.
    func signal() {
        var byte: UInt8 = 1
        _ = unsafe write(writer, &byte, 1)  // SAFETY: one byte of our own.
    }

    /// Takes bytes out. If some are left, the next wait returns early: that is allowed.
    func drain() {
        var bytes = [UInt8](repeating: 0, count: 512)
        _ = unsafe read(reader, &bytes, bytes.count)  // SAFETY: as many bytes of our own.
    }
}
