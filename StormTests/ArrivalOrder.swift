// SPDX-License-Identifier: MIT

/// What has come over one connection so far: the last message of each sender.
struct ArrivalOrder {
    /// A sender's messages have ascending numbers, so they are in order if these ascend.
    private var last: [Int: Int] = [:]

    /// The message that this one must not be behind; nil if it is in order.
    func predecessor(of number: Int, from sender: Int) -> Int? {
        guard let before = last[sender], before >= number else { return nil }
        return before
    }

    mutating func note(_ number: Int, from sender: Int) { last[sender] = number }
}
