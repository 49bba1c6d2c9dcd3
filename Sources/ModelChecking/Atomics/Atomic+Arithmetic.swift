// SPDX-License-Identifier: MIT

public import Synchronization

extension Atomic where Value: FixedWidthInteger {
    /// Adds, wrapping round; returns the values before and after.
    @inlinable
    @discardableResult
    public func wrappingAdd(
        _ operand: Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Value, newValue: Value) {
        updated(.add, operand, ordering, file, line) { $0 &+ $1 }
    }

    /// Subtracts, wrapping round; returns the values before and after.
    @inlinable
    @discardableResult
    public func wrappingSubtract(
        _ operand: Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Value, newValue: Value) {
        updated(.subtract, operand, ordering, file, line) { $0 &- $1 }
    }

    /// Adds and returns the values before and after; an overflow traps.
    @inlinable
    @discardableResult
    public func add(
        _ operand: Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Value, newValue: Value) {
        let values = updated(.add, operand, ordering, file, line) { $0 &+ $1 }
        precondition(
            !values.oldValue.addingReportingOverflow(operand).overflow, "an atomic add overflowed")
        return values
    }

    /// Subtracts and returns the values before and after; an overflow traps.
    @inlinable
    @discardableResult
    public func subtract(
        _ operand: Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Value, newValue: Value) {
        let values = updated(.subtract, operand, ordering, file, line) { $0 &- $1 }
        precondition(
            !values.oldValue.subtractingReportingOverflow(operand).overflow,
            "an atomic subtract overflowed")
        return values
    }

    /// Ands the bits; returns the values before and after.
    @inlinable
    @discardableResult
    public func bitwiseAnd(
        _ operand: Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Value, newValue: Value) {
        updated(.and, operand, ordering, file, line) { $0 & $1 }
    }

    /// Ors the bits; returns the values before and after.
    @inlinable
    @discardableResult
    public func bitwiseOr(
        _ operand: Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Value, newValue: Value) {
        updated(.or, operand, ordering, file, line) { $0 | $1 }
    }

    /// Exclusive-ors the bits; returns the values before and after.
    @inlinable
    @discardableResult
    public func bitwiseXor(
        _ operand: Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Value, newValue: Value) {
        updated(.xor, operand, ordering, file, line) { $0 ^ $1 }
    }

    /// Takes the smaller value; returns the values before and after.
    @inlinable
    @discardableResult
    public func min(
        _ operand: Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Value, newValue: Value) {
        updated(.min, operand, ordering, file, line) { Swift.min($0, $1) }
    }

    /// Takes the larger value; returns the values before and after.
    @inlinable
    @discardableResult
    public func max(
        _ operand: Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Value, newValue: Value) {
        updated(.max, operand, ordering, file, line) { Swift.max($0, $1) }
    }

    @inlinable
    func updated(
        _ kind: UpdateKind, _ operand: Value, _ ordering: AtomicUpdateOrdering,
        _ file: StaticString, _ line: UInt32, _ transform: (Value, Value) -> Value
    ) -> (oldValue: Value, newValue: Value) {
        var step = operation(.update, ordering.order, file, line)
        step.update = kind
        step.isSigned = Value.isSigned
        step.operand = Value.bits(of: operand)
        let old = Value.value(of: modelStep(step).value)
        return (old, transform(old, operand))
    }
}

extension Atomic where Value == Bool {
    /// Ands; returns the values before and after.
    @inlinable
    @discardableResult
    public func logicalAnd(
        _ operand: Bool, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Bool, newValue: Bool) {
        updated(.and, operand, ordering, file, line) { $0 && $1 }
    }

    /// Ors; returns the values before and after.
    @inlinable
    @discardableResult
    public func logicalOr(
        _ operand: Bool, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Bool, newValue: Bool) {
        updated(.or, operand, ordering, file, line) { $0 || $1 }
    }

    /// Exclusive-ors; returns the values before and after.
    @inlinable
    @discardableResult
    public func logicalXor(
        _ operand: Bool, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (oldValue: Bool, newValue: Bool) {
        updated(.xor, operand, ordering, file, line) { $0 != $1 }
    }

    @inlinable
    func updated(
        _ kind: UpdateKind, _ operand: Bool, _ ordering: AtomicUpdateOrdering,
        _ file: StaticString, _ line: UInt32, _ transform: (Bool, Bool) -> Bool
    ) -> (oldValue: Bool, newValue: Bool) {
        var step = operation(.update, ordering.order, file, line)
        step.update = kind
        step.operand = Bool.bits(of: operand)
        let old = Bool.value(of: modelStep(step).value)
        return (old, transform(old, operand))
    }
}
