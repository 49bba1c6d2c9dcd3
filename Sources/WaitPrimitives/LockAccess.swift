// SPDX-License-Identifier: MIT

/// What a lock is wanted for: by many at a time, or by one alone. Its raw value is the key of a
/// raw wait (`WaitNode.key`).
@frozen
public enum LockAccess: UInt64, Sendable {
    /// To read, beside others that read.
    case read = 0
    /// To write, alone.
    case write = 1

    init(key: UInt64) {
        guard let access = LockAccess(rawValue: key) else {
            preconditionFailure("the key of a wait for this lock is a `LockAccess`")
        }
        self = access
    }
}
