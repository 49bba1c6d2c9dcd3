// SPDX-License-Identifier: MIT

/// Timers that have left the wheel and wait for their handler, in the frame of who advances it.
@frozen
@usableFromInline
struct ExpiredBatch<Payload: ~Copyable>: ~Copyable {
    // Invariants: I1  payloads below `count` are full, the others empty

    /// How many timers leave the wheel in one go, under its lock.
    @inlinable
    static var capacity: Int { 16 }

    @usableFromInline
    var count: Int
    @usableFromInline
    var tokens: InlineArray<16, TimerToken>
    @usableFromInline
    var payloads: InlineArray<16, Payload?>

    @inlinable
    init() {
        count = 0
        tokens = InlineArray(repeating: TimerToken(rawValue: 0))
        payloads = InlineArray { _ in nil }
    }

    @inlinable
    mutating func append(_ token: TimerToken, _ payload: consuming Payload) {
        assert(count < Self.capacity)
        tokens[count] = token
        payloads[count] = consume payload
        count &+= 1
    }

    /// Hands all timers over, the first one first, and is empty afterwards.
    @inlinable
    mutating func fireAll(_ fire: (TimerToken, consuming Payload) -> Void) {
        assert(count <= Self.capacity)
        for index in 0..<count {
            guard let payload = payloads[index].take() else {
                preconditionFailure("I1: a timer without a payload")
            }
            fire(tokens[index], payload)
        }
        count = 0
    }
}
