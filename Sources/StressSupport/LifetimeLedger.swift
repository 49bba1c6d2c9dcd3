// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// Counts the births and deaths of `Tracked` values, so that a test can show that each died exactly
/// once.
public final class LifetimeLedger: Sendable {
    // The counters are relaxed: they are read after the threads that changed them were joined.
    private let born = Atomic<Int>(0)
    private let died = Atomic<Int>(0)

    /// A ledger without entries.
    public init() {}

    /// How many values were made.
    public var bornCount: Int { born.load(ordering: .relaxed) }

    /// How many values were destroyed.
    public var diedCount: Int { died.load(ordering: .relaxed) }

    /// How many values are alive; zero at the end of a test that leaks nothing.
    public var aliveCount: Int { bornCount - diedCount }

    /// Makes a value that this ledger follows.
    public func makeTracked(_ payload: UInt64) -> Tracked {
        born.add(1, ordering: .relaxed)
        return Tracked(payload: payload, ledger: self)
    }

    fileprivate func recordDeath() {
        died.add(1, ordering: .relaxed)
    }
}

/// A noncopyable value that tells its ledger when it is destroyed. A value that is destroyed twice
/// or read after its death is caught by the cookie.
public struct Tracked: ~Copyable, Sendable {
    /// What the test put in.
    public let payload: UInt64
    private let cookie: UInt64
    private let ledger: LifetimeLedger

    private static var livingCookie: UInt64 { 0x5AFE_C0DE_5AFE_C0DE }

    fileprivate init(payload: UInt64, ledger: LifetimeLedger) {
        self.payload = payload
        self.cookie = Self.livingCookie
        self.ledger = ledger
    }

    deinit {
        precondition(cookie == Self.livingCookie, "a value was destroyed that was never made")
        ledger.recordDeath()
    }
}
