// SPDX-License-Identifier: MIT

internal import CContender
internal import TimerWheels
internal import WorkSupport

/// A wheel in which so many timers wait. The payload of each is its deadline.
enum TimerWorks {
    static let all = [
        named("cancel-far") { $0.armCancel($1, near: false) },
        named("cancel-near") { $0.armCancel($1, near: true) },
        named("cancel-nothing") { $0.draw($1) },
        named("rearm-any") { $0.rearm($1, idle: false) },
        named("rearm-idle") { $0.rearm($1, idle: true) },
        named("rearm-postponed") { $0.postpone($1) },
        named("rearm-nothing") { $0.look($1) },
        named("expire") { $0.expire($1, again: false) },
        named("steady") { $0.expire($1, again: true) },
    ]

    private static func named(
        _ name: String, _ turn: @escaping @Sendable (FilledWheel, UInt64) -> UInt64
    ) -> NamedWork {
        NamedWork("wheel-\(name)") { size, _ in
            let wheel = FilledWheel(size)
            return Work { _, count in turn(wheel, count) }
        }
    }
}

/// Numbers that are the same in all programs; kept in a copy while a loop runs.
private struct Random {
    private var state: UInt64 = 0

    @inline(__always)
    mutating func next() -> UInt64 {
        unsafe work_random(&state)  // SAFETY: a number of ours.
    }

    @inline(__always)
    mutating func delay(among size: UInt64) -> UInt64 {
        unsafe work_delay(&state, size)  // SAFETY: a number of ours.
    }
}

/// One thread's, which takes the wheel out before it turns it, and puts it back: its end, which
/// looks at each place, is not part of what is measured.
private final class FilledWheel: @unchecked Sendable {
    private var wheel: TimerWheel<UInt64>?
    private var tokens: [TimerToken] = []
    private let size: UInt64
    private var random = Random()

    private static let burst = Int(WORK_BURST)

    init(_ size: Int) {
        self.size = UInt64(size)
        var wheel = TimerWheel<UInt64>(capacity: size + Self.burst, origin: 0)
        tokens.reserveCapacity(size)
        for _ in 0..<size {
            let deadline = random.delay(among: self.size)
            guard let token = wheel.insert(deadline: deadline, payload: deadline) else { break }
            tokens.append(token)
        }
        self.wheel = consume wheel
    }

    private func takeWheel() -> TimerWheel<UInt64> {
        guard let wheel = wheel.take() else { preconditionFailure("one thread turns the wheel") }
        return wheel
    }

    /// Each operation arms a timer and cancels the one that was armed a burst ago.
    func armCancel(_ count: UInt64, near: Bool) -> UInt64 {
        var wheel = takeWheel()
        var random = random
        let size = near ? work_near(size) : size
        var recent = InlineArray<64, TimerToken>(repeating: TimerToken(rawValue: 0))
        var sum: UInt64 = 0
        for number in 0..<count {
            let place = Int(number) % Self.burst
            if number >= Self.burst, wheel.cancel(recent[place]) == nil { return 0 }
            let deadline = random.delay(among: size)
            guard let token = wheel.insert(deadline: deadline, payload: deadline) else { return 0 }
            recent[place] = token
            sum &+= number
        }
        self.wheel = consume wheel
        return sum
    }

    /// Each operation moves any of the timers: anywhere, or behind all others if `idle`.
    func rearm(_ count: UInt64, idle: Bool) -> UInt64 {
        let size = size
        return withAny(count) { wheel, token, number, random in
            let deadline = idle ? work_behind(number, size) : random.delay(among: size)
            return wheel.reschedule(token, deadline: deadline)
        }
    }

    /// Each operation moves any of them behind all others, and leaves it in its slot.
    func postpone(_ count: UInt64) -> UInt64 {
        let size = size
        return withAny(count) { wheel, token, number, _ in
            wheel.postpone(token, deadline: work_behind(number, size))
        }
    }

    /// Moves nothing: finds any of them and asks for its deadline. What memory alone costs.
    func look(_ count: UInt64) -> UInt64 {
        withAny(count) { wheel, token, _, _ in wheel.deadline(of: token) != nil }
    }

    /// Each operation is `act` with a timer drawn from all.
    @inline(__always)
    private func withAny(
        _ count: UInt64, _ act: (inout TimerWheel<UInt64>, TimerToken, UInt64, inout Random) -> Bool
    ) -> UInt64 {
        var wheel = takeWheel()
        var random = random
        let (tokens, size) = (tokens, size)
        var sum: UInt64 = 0
        for number in 0..<count {
            let token = tokens[Int(random.next() % size)]
            if act(&wheel, token, number, &random) { sum &+= number }
        }
        self.wheel = consume wheel
        return sum
    }

    /// Arms nothing: draws the deadlines. What the loop alone costs.
    func draw(_ count: UInt64) -> UInt64 {
        var random = random
        var (sum, mixed): (UInt64, UInt64) = (0, 0)
        for number in 0..<count {
            mixed = mixed &* 31 ^ random.delay(among: size)
            sum &+= number
        }
        // Never true, which the compiler cannot know.
        return mixed == 1 ? 0 : sum
    }

    /// Each operation fires the earliest timer, and arms it anew if `again`.
    func expire(_ count: UInt64, again: Bool) -> UInt64 {
        var wheel = takeWheel()
        var random = random
        var sum: UInt64 = 0
        var number: UInt64 = 0
        var latest: UInt64 = 0
        var now: UInt64 = 0
        while number < count {  // Ends: as many are armed.
            now += UInt64(WORK_TICKS)
            while number < count, let deadline = wheel.popExpired(now: now) {
                if deadline < latest { return 0 }
                if again {
                    let next = now + random.delay(among: size)
                    _ = wheel.insert(deadline: next, payload: next)
                } else {
                    latest = deadline
                }
                sum &+= number
                number += 1
            }
        }
        self.wheel = consume wheel
        return sum
    }
}
