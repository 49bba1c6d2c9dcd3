// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// Which of several addresses is tried when: RFC 8305, "Happy Eyeballs Version 2", sections 4 and 5
/// as a value without a clock or a socket.
///
/// The driver asks `step(at:)` for what to do, does it, notes what became of it, and asks again.
struct ConnectionRace {
    // Invariants: I1  attempts start in order, each once
    //             I2  underWayCount = started − failed − succeeded
    //             I3  once there is an ending it stays

    /// What to do now.
    enum Step: Hashable {
        /// Begin the attempt with this number.
        case start(Int)
        /// Nothing before an attempt has answered, or this point.
        case wait(until: MonotonicInstant)
        /// The race is over: cancel what is under way.
        case finish(Ending)
    }

    /// How a race ends.
    enum Ending: Hashable {
        case won(Int)
        case allFailed
        case deadlineReached
        case cancelled
    }

    /// RFC 8305, section 5: "MUST NOT be less than 10 milliseconds".
    static var delayNanosecondsMin: UInt64 { 10_000_000 }

    private let attemptCount: Int
    private let delayNanoseconds: UInt64
    private let deadline: MonotonicInstant
    private var startedCount = 0
    private var underWayCount = 0
    private var nextStart = MonotonicInstant(nanoseconds: 0)
    private var ending: Ending?

    /// A race that has not begun. A smaller delay than `delayNanosecondsMin` counts as that.
    init(attemptCount: Int, delayNanoseconds: UInt64, deadline: MonotonicInstant) {
        self.attemptCount = attemptCount
        self.delayNanoseconds = max(delayNanoseconds, Self.delayNanosecondsMin)
        self.deadline = deadline
    }

    /// What to do at this point in time.
    mutating func step(at now: MonotonicInstant) -> Step {
        assert(startedCount <= attemptCount)
        assert(underWayCount >= 0 && underWayCount <= startedCount)
        if let ending { return .finish(ending) }
        if now >= deadline { return end(.deadlineReached) }
        if startedCount < attemptCount && now >= nextStart {
            startedCount += 1
            underWayCount += 1
            nextStart = now.advanced(byNanoseconds: delayNanoseconds)
            return .start(startedCount - 1)
        }
        if startedCount == attemptCount && underWayCount == 0 { return end(.allFailed) }
        return .wait(until: startedCount < attemptCount ? min(nextStart, deadline) : deadline)
    }

    private mutating func end(_ ending: Ending) -> Step {
        self.ending = ending
        return .finish(ending)
    }

    /// An attempt came to nothing: the next one need not wait for its time.
    mutating func noteFailure() {
        assert(underWayCount > 0, "more attempts failed than were under way")
        underWayCount -= 1
        nextStart = MonotonicInstant(nanoseconds: 0)
    }

    /// An attempt has a connection. The first one wins; a later one has lost.
    mutating func noteSuccess(of number: Int) {
        assert(number < startedCount, "an attempt won that was not started")
        underWayCount -= 1
        if ending == nil { ending = .won(number) }
    }

    /// The caller does not want a connection any more. A race that is won stays won.
    mutating func noteCancellation() {
        if ending == nil { ending = .cancelled }
    }

    /// The order in which elements are tried, as their numbers: of each kind in turn, beginning
    /// with the first element's, and of one kind in the order given. RFC 8305, section 4, with a
    /// First Address Family Count of one.
    static func interleaved<Kind: Hashable>(kinds: [Kind]) -> [Int] {
        var kindsInOrder: [Kind] = []
        for kind in kinds where !kindsInOrder.contains(kind) { kindsInOrder.append(kind) }
        let lanes = kindsInOrder.map { kind in kinds.indices.filter { kinds[$0] == kind } }
        var order: [Int] = []
        for place in kinds.indices {
            for lane in lanes where place < lane.count { order.append(lane[place]) }
        }
        return order
    }
}
