// SPDX-License-Identifier: MIT

/// What the copy's AtomicSupport has besides: the switch, and updates that are no longer atomic.
let tornUpdates =
    switchText
    + ["UInt32", "UInt64", "UInt"].map { tornExchanges(of: $0) + tornArithmetic(of: $0) }.joined()

private let switchText = """
    // SPDX-License-Identifier: MIT

    public import CLinuxShims
    #if Model
        public import ModelChecking
    #else
        public import Synchronization
    #endif

    @inlinable
    @inline(__always)
    public func mutant(_ number: Int32) -> Bool { millrace_is_mutant(number) }

    """

/// Those of atomics of one type: the real ones are not generic.
private func tornExchanges(of word: String) -> String {
    """
    extension Atomic where Value == \(word) {
        @inlinable
        public func torn_exchange(_ desired: Value, ordering: AtomicUpdateOrdering) -> Value {
            let old = load(ordering: .acquiring)
            store(desired, ordering: .releasing)
            return old
        }

        @inlinable
        public func torn_compareExchange(
            expected: Value, desired: Value, ordering: AtomicUpdateOrdering
        ) -> (exchanged: Bool, original: Value) {
            let old = load(ordering: .acquiring)
            if old != expected { return (false, old) }
            store(desired, ordering: .releasing)
            return (true, old)
        }

        @inlinable
        public func torn_compareExchange(
            expected: Value, desired: Value, successOrdering: AtomicUpdateOrdering,
            failureOrdering: AtomicLoadOrdering
        ) -> (exchanged: Bool, original: Value) {
            torn_compareExchange(expected: expected, desired: desired, ordering: .relaxed)
        }

        @inlinable
        public func torn_weakCompareExchange(
            expected: Value, desired: Value, ordering: AtomicUpdateOrdering
        ) -> (exchanged: Bool, original: Value) {
            torn_compareExchange(expected: expected, desired: desired, ordering: .relaxed)
        }

        @inlinable
        public func torn_weakCompareExchange(
            expected: Value, desired: Value, successOrdering: AtomicUpdateOrdering,
            failureOrdering: AtomicLoadOrdering
        ) -> (exchanged: Bool, original: Value) {
            torn_compareExchange(expected: expected, desired: desired, ordering: .relaxed)
        }
    }

    """
}

/// The arithmetic ones.
private func tornArithmetic(of word: String) -> String {
    """
    extension Atomic where Value == \(word) {
        @inlinable
        func torn(_ change: (Value) -> Value) -> (oldValue: Value, newValue: Value) {
            let old = load(ordering: .acquiring)
            let new = change(old)
            store(new, ordering: .releasing)
            return (old, new)
        }

        @inlinable
        @discardableResult
        public func torn_wrappingAdd(
            _ operand: Value, ordering: AtomicUpdateOrdering
        ) -> (oldValue: Value, newValue: Value) { torn { $0 &+ operand } }

        @inlinable
        @discardableResult
        public func torn_add(
            _ operand: Value, ordering: AtomicUpdateOrdering
        ) -> (oldValue: Value, newValue: Value) { torn { $0 &+ operand } }

        @inlinable
        @discardableResult
        public func torn_wrappingSubtract(
            _ operand: Value, ordering: AtomicUpdateOrdering
        ) -> (oldValue: Value, newValue: Value) { torn { $0 &- operand } }

        @inlinable
        @discardableResult
        public func torn_bitwiseAnd(
            _ operand: Value, ordering: AtomicUpdateOrdering
        ) -> (oldValue: Value, newValue: Value) { torn { $0 & operand } }

        @inlinable
        @discardableResult
        public func torn_bitwiseOr(
            _ operand: Value, ordering: AtomicUpdateOrdering
        ) -> (oldValue: Value, newValue: Value) { torn { $0 | operand } }
    }

    """
}
