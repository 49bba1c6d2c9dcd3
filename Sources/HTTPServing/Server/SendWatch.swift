// SPDX-License-Identifier: MIT

/// How a client takes an answer while it is waited for. What has reached it is asked for only when
/// it is slow: the answer costs a system call.
struct SendWatch {
    private(set) var allowance: RateAllowance
    /// What was with the client at the last look; nil before the first.
    private var deliveredByteCount: UInt64?

    /// Nobody has been waited for yet.
    init(_ allowance: RateAllowance) {
        self.allowance = allowance
    }

    /// How long to wait at most, when `pause` is the limit without a byte. The first look comes
    /// early, so that the second has something to compare with.
    func patience(_ pauseNanoseconds: UInt64) -> UInt64 {
        let left = allowance.nanoseconds
        return min(pauseNanoseconds, deliveredByteCount == nil ? left / 2 : left)
    }

    /// The client was waited for.
    mutating func spend(_ waitedNanoseconds: UInt64) { allowance.spend(waitedNanoseconds) }

    /// Notes how many bytes are with the client now; false if no more than at the last look.
    mutating func look(_ deliveredByteCount: UInt64) -> Bool {
        let before = self.deliveredByteCount
        self.deliveredByteCount = deliveredByteCount
        guard let before else { return true }
        allowance.earn(deliveredByteCount &- before)
        return deliveredByteCount != before
    }
}
