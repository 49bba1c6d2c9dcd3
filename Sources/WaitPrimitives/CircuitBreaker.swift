// SPDX-License-Identifier: MIT

public import AtomicSupport

/// Stops calls to a peer that keeps failing, and tries it again after a while with a few probes.
///
/// | Guarantee | `tryAcquire` / `recordSuccess` / `recordFailure` / `abandon`                     |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | lock-free; while closed and healthy one load for each                            |
/// | Order     | linearizable: all state is one word                                              |
/// | Cost      | at most one successful compare-exchange; no allocation, no clock: time is passed |
/// | Memory    | one block of 128 bytes                                                           |
/// | Edges     | a report that closes or opens is seen, with what was done before it, by whom the |
/// |           | new state admits or refuses                                                      |
/// | Threads   | any number                                                                       |
///
/// Not for a limit on how often something is called (`TokenBucket`), nor on how many calls are
/// under way (`CountingSemaphore`).
///
/// Source: M. Nygard, "Release It!", 2007. Ours bounds the probes of the half-open state, and a
/// permit carries the era that it was given in: a report that comes late, from before the breaker
/// last opened or closed, changes nothing.
///
///     closed ── failureThreshold failures in a row ──► open ── resetNanoseconds ──► half-open
///        ▲                                              ▲                              │   │
///        │                                              └────────── one failure ───────┘   │
///        └───────────────────────── successThreshold successes ────────────────────────────┘
///
/// ```swift
/// let breaker = CircuitBreaker(CircuitBreaker.Policy())
/// if let permit = breaker.tryAcquire(now: .now) {
///     let isConnected = true  // the guarded call
///     if isConnected { breaker.recordSuccess(permit) }
///     else { breaker.recordFailure(permit, now: .now) }
/// }
/// ```
@frozen
@safe
public struct CircuitBreaker: ~Copyable, @unchecked Sendable {
    // Layout: word = state (bits 0, 1) · doublings of the reset time (2…6) · era (7…26)
    //                · body (27…63)
    //         body   closed: failures in a row
    //                open: when to probe, in units of 2²⁰ ns, rounded up
    //                half-open: probes under way (16 bits) · successes (16 bits)
    //
    // Invariants: I1  failures < failureThreshold while closed
    //             I2  probes under way + successes ≤ successThreshold, and probes under way ≤
    //                 probeCountMax
    //             I3  the era changes with every change of the state (a change, no state shows it)
    //             I4  the reset time is not doubled while closed
    //
    // Edges: E1  compare-exchange of any report or admission → load or failed compare-exchange of
    //            any later one   carries what was done before the report. A successful one need not
    //            acquire: it finds the era that the load or the failure before it has acquired.
    //
    // Limits: 37 bits of 2²⁰ ns are 4.5 years of the monotonic clock; past that, open means half-
    // open. An era comes again after 2²⁰ changes of the state.

    /// The states that callers can tell apart.
    @frozen
    public enum State: UInt8, Sendable {
        /// Everybody is admitted.
        case closed
        /// Nobody is admitted until the reset time is over.
        case open
        /// Some are admitted, to see whether the peer is back.
        case halfOpen
    }

    /// When the breaker opens and closes.
    @frozen
    public struct Policy: Sendable {
        /// So many failures in a row open it.
        public var failureThreshold = 5
        /// So many successes of probes close it again.
        public var successThreshold = 1
        /// At most so many probes are under way at one time.
        public var probeCountMax = 1
        /// How long it stays open at first.
        public var resetNanoseconds: UInt64 = 1_000_000_000
        /// The reset time doubles with each opening in a row, up to this.
        public var resetNanosecondsMax: UInt64 = 1_000_000_000

        /// Five failures, one success, one probe at a time, one second.
        public init() {}
    }

    /// The right to one guarded call. It ends in `recordSuccess`, `recordFailure` or `abandon`: a
    /// probe's permit that is dropped keeps its place among the probes.
    @frozen
    public struct Permit: ~Copyable, Sendable {
        /// Whether the call is a probe of the half-open state.
        public let isProbe: Bool
        @usableFromInline
        let era: UInt64

        @inlinable
        init(isProbe: Bool, era: UInt64) {
            self.isProbe = isProbe
            self.era = era
        }
    }

    @usableFromInline
    let block: SharedBlock
    @usableFromInline
    let word: UnsafeMutablePointer<Atomic<UInt64>>

    /// The policy.
    public let policy: Policy

    /// A closed breaker.
    public init(_ policy: Policy) {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount), policy: policy, era: 0)
    }

    /// For tests: eras start near their maximum.
    package init(_ policy: Policy, era: UInt64) {
        self.init(block: SharedBlock(byteCount: Self.storageByteCount), policy: policy, era: era)
    }

    /// A closed breaker in the caller's memory: at least `storageByteCount` bytes that begin on a
    /// cache line and outlive it.
    @unsafe
    public init(storage: UnsafeMutableRawBufferPointer, policy: Policy) {
        // SAFETY: passed on to the caller.
        let block = unsafe SharedBlock(borrowing: storage, byteCount: Self.storageByteCount)
        self.init(block: block, policy: policy, era: 0)
    }

    /// How many bytes `init(storage:policy:)` needs.
    public static var storageByteCount: Int { CacheLine.byteCount }

    private init(block: consuming SharedBlock, policy: Policy, era: UInt64) {
        precondition(policy.failureThreshold >= 1, "a breaker opens after at least one failure")
        precondition(policy.successThreshold >= 1, "a breaker closes after at least one success")
        precondition(policy.probeCountMax >= 1, "a half-open breaker admits at least one probe")
        precondition(policy.failureThreshold <= 0xFFFF, "failures are counted in 16 bits")
        precondition(policy.successThreshold <= 0xFFFF, "successes are counted in 16 bits")
        precondition(policy.probeCountMax <= 0xFFFF, "probes are counted in 16 bits")
        precondition(policy.resetNanosecondsMax >= policy.resetNanoseconds, "the maximum is less")
        self.policy = policy
        // SAFETY: the block lives as long as the pointer.
        unsafe word = block.base.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
        let start = BreakerWord(state: .closed, doublings: 0, era: era, body: 0)
        unsafe word.initialize(to: Atomic(start.rawValue))  // SAFETY: as above.
        self.block = block
    }

    /// The state just now; an open breaker stays `open` until somebody is admitted as a probe.
    public var state: State { load().state }

    /// Admits a call, or answers nil.
    public func tryAcquire(now: MonotonicInstant) -> Permit? {
        var seen = load()
        while true {  // Retries only after another thread changed the word.
            guard let next = admission(from: seen, now: now) else { return nil }
            let isProbe = next.state == .halfOpen
            if next.rawValue == seen.rawValue || exchange(&seen, for: next) {
                return Permit(isProbe: isProbe, era: next.era)
            }
        }
    }

    /// Reports that the call succeeded.
    public func recordSuccess(_ permit: consuming Permit) {
        report(era: permit.era) { seen in afterSuccess(seen) }
    }

    /// Reports that the call failed.
    public func recordFailure(_ permit: consuming Permit, now: MonotonicInstant) {
        report(era: permit.era) { seen in afterFailure(seen, now: now) }
    }

    /// Gives the permit back without a verdict, e.g. because the call was cancelled.
    public func abandon(_ permit: consuming Permit) {
        report(era: permit.era) { seen in
            seen.state == .halfOpen ? seen.with(body: seen.body - 1) : seen
        }
    }
}

// The transitions: pure functions of the word.
extension CircuitBreaker {
    private func admission(from seen: BreakerWord, now: MonotonicInstant) -> BreakerWord? {
        switch seen.state {
        case .closed: return seen
        case .open:
            if now.nanoseconds < seen.body << BreakerWord.unitShift { return nil }
            return seen.changed(to: .halfOpen, doublings: seen.doublings, body: 1)
        case .halfOpen:
            let isFull = seen.probeCount >= policy.probeCountMax
            let isEnough = seen.probeCount + seen.successCount >= policy.successThreshold
            return isFull || isEnough ? nil : seen.with(body: seen.body + 1)
        }
    }

    private func afterSuccess(_ seen: BreakerWord) -> BreakerWord {
        switch seen.state {
        case .closed: return seen.with(body: 0)
        case .open: return seen
        case .halfOpen:
            assert(seen.probeCount > 0)
            if seen.successCount + 1 >= policy.successThreshold {
                return seen.changed(to: .closed, doublings: 0, body: 0)
            }
            return seen.with(body: seen.body - 1 + BreakerWord.oneSuccess)
        }
    }

    private func afterFailure(_ seen: BreakerWord, now: MonotonicInstant) -> BreakerWord {
        switch seen.state {
        case .closed:
            if seen.body + 1 < policy.failureThreshold { return seen.with(body: seen.body + 1) }
            return opened(seen, doublings: 0, now: now)
        case .open: return seen
        case .halfOpen:
            return opened(seen, doublings: min(seen.doublings + 1, 31), now: now)
        }
    }

    private func opened(
        _ seen: BreakerWord, doublings: UInt64, now: MonotonicInstant
    ) -> BreakerWord {
        let (doubled, isLost) = policy.resetNanoseconds.multipliedReportingOverflow(
            by: 1 << doublings)
        let reset = isLost ? policy.resetNanosecondsMax : min(doubled, policy.resetNanosecondsMax)
        let end = now.advanced(byNanoseconds: reset).nanoseconds
        let mask: UInt64 = (1 << BreakerWord.unitShift) - 1
        let units = (end >> BreakerWord.unitShift) + (end & mask == 0 ? 0 : 1)
        return seen.changed(
            to: .open, doublings: doublings, body: min(units, BreakerWord.bodyMax))
    }
}

// The word.
extension CircuitBreaker {
    private func load() -> BreakerWord {
        // SAFETY: the block lives as long as `self`.
        BreakerWord(rawValue: unsafe word.pointee.load(ordering: .acquiring))  // E1
    }

    private func exchange(_ seen: inout BreakerWord, for next: BreakerWord) -> Bool {
        // SAFETY: the block lives as long as `self`.
        let (isExchanged, current) = unsafe word.pointee.compareExchange(
            expected: seen.rawValue, desired: next.rawValue,
            successOrdering: .releasing,  // E1
            failureOrdering: .acquiring)  // E1
        seen = BreakerWord(rawValue: current)
        return isExchanged
    }

    #if Checks || DEBUG
        /// Traps if an invariant is broken.
        public func checkInvariants() {
            let seen = load()
            precondition(seen.rawValue & 3 <= 2, "the word has no state")
            switch seen.state {
            case .closed:
                precondition(seen.body < policy.failureThreshold, "I1: it should be open")
                precondition(seen.doublings == 0, "I4: a closed breaker knows of an outage")
            case .open: break
            case .halfOpen:
                precondition(seen.probeCount <= policy.probeCountMax, "I2: too many probes")
                let sum = seen.probeCount + seen.successCount
                precondition(sum <= policy.successThreshold, "I2: more probes than are needed")
            }
        }
    #endif

    /// Applies a report, unless the state has changed since its permit was given.
    private func report(era: UInt64, _ transition: (BreakerWord) -> BreakerWord) {
        var seen = load()
        while seen.era == era {  // Retries only after another thread changed the word.
            let next = transition(seen)
            if next.rawValue == seen.rawValue || exchange(&seen, for: next) { return }
        }
    }
}

/// The fields of a breaker's word.
private struct BreakerWord {
    let rawValue: UInt64

    static var unitShift: UInt64 { 20 }
    static var bodyMax: UInt64 { (1 << 37) - 1 }
    static var oneSuccess: UInt64 { 1 << 16 }

    init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    init(state: CircuitBreaker.State, doublings: UInt64, era: UInt64, body: UInt64) {
        assert(doublings < 32)
        assert(body <= Self.bodyMax)
        let eraBits = (era & 0xF_FFFF) << 7
        rawValue = UInt64(state.rawValue) | doublings << 2 | eraBits | body << 27
    }

    var state: CircuitBreaker.State {
        switch rawValue & 3 {
        case 0: .closed
        case 1: .open
        default: .halfOpen
        }
    }
    var doublings: UInt64 { rawValue >> 2 & 31 }
    var era: UInt64 { rawValue >> 7 & 0xF_FFFF }
    var body: UInt64 { rawValue >> 27 }
    var probeCount: UInt64 { body & 0xFFFF }
    var successCount: UInt64 { body >> 16 }

    func with(body: UInt64) -> BreakerWord {
        BreakerWord(state: state, doublings: doublings, era: era, body: body)
    }

    func changed(
        to state: CircuitBreaker.State, doublings: UInt64, body: UInt64
    ) -> BreakerWord {
        BreakerWord(state: state, doublings: doublings, era: era + 1, body: body)
    }
}
