// SPDX-License-Identifier: MIT

import AtomicSupport

@testable import HTTPServing

/// What the access log was told, as text.
final class AccessRecord: @unchecked Sendable {
    private let block = SharedBlock(byteCount: CacheLine.byteCount)
    private var all: [String] = []
    private var whole: [HTTPAccess] = []

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var lock: InternalLock {
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    var lines: [String] { lock.withLock { all } }

    /// The same, whole.
    var accesses: [HTTPAccess] { lock.withLock { whole } }

    func note(_ access: HTTPAccess) {
        let words = [
            text(access.method), text(access.target), "\(access.status)",
            access.byteCount.map { "\($0)" } ?? "-",
            access.referer.map { text($0) } ?? "-", access.userAgent.map { text($0) } ?? "-",
        ]
        lock.withLock {
            all.append(words.joined(separator: " "))
            whole.append(access)
        }
    }
}
