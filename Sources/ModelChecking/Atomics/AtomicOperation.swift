// SPDX-License-Identifier: MIT

/// What a read-modify-write makes of the old value.
@frozen
@usableFromInline
enum UpdateKind: UInt8, Sendable {
    case exchange
    case add
    case subtract
    case and
    case or
    case xor
    case min
    case max
}

/// One access of the code under test, as it is handed to the model.
@frozen
@usableFromInline
struct AtomicOperation: Sendable {
    @frozen
    @usableFromInline
    enum Kind: UInt8, Sendable {
        /// Nothing: the beginning of a thread, or its going on after it was woken.
        case begin
        case load
        case store
        case update
        case compareExchange
        case fence
        /// Sleep while the word has the expected value.
        case park
        /// The end of a sleep whose deadline may pass.
        case timeout
        /// Wake sleepers.
        case wake
        /// Go on after another thread has written what this one has read.
        case yield
        /// Take a lock, which is one step and waits until the lock is free.
        case lock
        /// Give a lock back.
        case unlock
    }

    @usableFromInline var kind: Kind
    @usableFromInline var update = UpdateKind.exchange
    @usableFromInline var order: MemoryOrder
    @usableFromInline var failureOrder = MemoryOrder.relaxed
    @usableFromInline var isWeak = false
    @usableFromInline var isSigned = false
    /// Whether a sleep has a deadline, which may pass at any moment.
    @usableFromInline var hasDeadline = false
    @usableFromInline var byteCount: UInt8 = 0
    @usableFromInline var address: UInt = 0
    @usableFromInline var operand = AtomicBits(low: 0)
    @usableFromInline var expected = AtomicBits(low: 0)
    @usableFromInline var site: CodeSite

    @inlinable
    init(_ kind: Kind, order: MemoryOrder, site: CodeSite) {
        self.kind = kind
        self.order = order
        self.site = site
    }

    @inlinable
    init(
        _ kind: Kind, order: MemoryOrder, address: UInt, byteCount: UInt8, site: CodeSite
    ) {
        self.init(kind, order: order, site: site)
        self.address = address
        self.byteCount = byteCount
    }
}

/// What became of an access.
@frozen
@usableFromInline
struct AtomicOutcome: Sendable {
    /// What was read.
    @usableFromInline var value: AtomicBits
    /// Whether something was written, or a sleeper was woken in time.
    @usableFromInline var isDone: Bool

    @inlinable
    init(value: AtomicBits, isDone: Bool) {
        self.value = value
        self.isDone = isDone
    }
}

extension AtomicOperation {
    /// What the read-modify-write makes of an old value.
    func newValue(of old: AtomicBits) -> AtomicBits {
        if kind == .compareExchange || update == .exchange { return operand }
        return update.newValue(of: old, operand, byteCount: byteCount, isSigned: isSigned)
    }
}

extension UpdateKind {
    /// The new value, cut to so many bytes.
    func newValue(
        of old: AtomicBits, _ operand: AtomicBits, byteCount: UInt8, isSigned: Bool
    ) -> AtomicBits {
        if self == .exchange { return operand }
        let (left, right) = (UInt128(old), UInt128(operand))
        let result =
            switch self {
            case .exchange: right
            case .add: left &+ right
            case .subtract: left &- right
            case .and: left & right
            case .or: left | right
            case .xor: left ^ right
            case .min: Self.isLess(left, right, byteCount, isSigned) ? left : right
            case .max: Self.isLess(left, right, byteCount, isSigned) ? right : left
            }
        let unused = 128 - 8 * Int(byteCount)
        return AtomicBits((result &<< UInt128(unused)) &>> UInt128(unused))
    }

    private static func isLess(
        _ left: UInt128, _ right: UInt128, _ byteCount: UInt8, _ isSigned: Bool
    ) -> Bool {
        if !isSigned { return left < right }
        let unused = UInt128(128 - 8 * Int(byteCount))
        return Int128(bitPattern: left &<< unused) < Int128(bitPattern: right &<< unused)
    }
}

extension UInt128 {
    fileprivate init(_ bits: AtomicBits) {
        self = UInt128(bits.high) &<< 64 | UInt128(bits.low)
    }
}

extension AtomicBits {
    fileprivate init(_ value: UInt128) {
        self.init(
            low: UInt64(truncatingIfNeeded: value), high: UInt64(truncatingIfNeeded: value &>> 64))
    }
}
