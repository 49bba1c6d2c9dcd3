// SPDX-License-Identifier: MIT

// Conformances, and what has no stand-in here. Nothing else: a fence of the machine that came along
// would be taken for the model's.
@_exported public import protocol Synchronization.AtomicRepresentable
@_exported public import struct Synchronization.WordPair
public import Synchronization

/// An atomic value with the face and the layout of `Synchronization.Atomic`, whose accesses are
/// steps of the model that runs on the thread.
///
/// Inside `explore`, each operation is a point where another virtual thread may go on, and a load
/// may answer any value that the memory model allows. Outside, the operations are the real ones,
/// all sequentially consistent.
///
/// The model knows an atomic by its address, and begins its history with the bits that lie there
/// at the first access. Where one is made anew at the address of a former one within an execution,
/// tell the model by `forgetHistory()`, or allocate with `ModelHeap`, which never uses an address
/// twice in an execution.
public struct Atomic<Value: AtomicRepresentable>: ~Copyable {
    @usableFromInline
    let storage: Synchronization.Atomic<Value>

    /// An atomic with an initial value.
    @inlinable
    public init(_ initialValue: consuming Value) {
        storage = Synchronization.Atomic(initialValue)
    }

    @inlinable
    var address: UInt {
        @inline(__always) get {
            // SAFETY: only the address is used: an atomic is never copied, so it is its name.
            unsafe withUnsafePointer(to: self) { UInt(bitPattern: $0) }
        }
    }

    /// Begins a new history with the bits that are in memory: for an atomic made anew at an address
    /// that the execution has used before. Does nothing outside a model.
    @inlinable
    public func forgetHistory() {
        if isModelRunning {
            modelForget(address: address, byteCount: Int(Value.atomicByteCount))
        }
    }

    @inlinable
    @inline(__always)
    func operation(
        _ kind: AtomicOperation.Kind, _ order: MemoryOrder, _ file: StaticString, _ line: UInt32
    ) -> AtomicOperation {
        AtomicOperation(
            kind, order: order, address: address, byteCount: Value.atomicByteCount,
            site: CodeSite(file: file, line: line))
    }
}

extension Atomic: @unchecked Sendable {}

extension Atomic {
    /// Reads a value that the memory model allows this thread to see.
    @inlinable
    public func load(
        ordering: AtomicLoadOrdering, file: StaticString = #fileID, line: UInt32 = #line
    ) -> Value {
        Value.value(of: modelStep(operation(.load, ordering.order, file, line)).value)
    }

    /// Writes a value.
    @inlinable
    public func store(
        _ desired: consuming Value, ordering: AtomicStoreOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) {
        var step = operation(.store, ordering.order, file, line)
        step.operand = Value.bits(of: desired)
        _ = modelStep(step)
    }

    /// Writes a value and returns the one before it.
    @inlinable
    public func exchange(
        _ desired: consuming Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> Value {
        var step = operation(.update, ordering.order, file, line)
        step.operand = Value.bits(of: desired)
        return Value.value(of: modelStep(step).value)
    }

    /// Writes `desired` if the value before it is `expected`; returns whether it was, and what was
    /// found. A failure may find a stale value.
    @inlinable
    public func compareExchange(
        expected: consuming Value, desired: consuming Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (exchanged: Bool, original: Value) {
        compareExchange(
            expected, desired, ordering.order, ordering.failure, isWeak: false, file, line)
    }

    /// The same with an ordering for each outcome.
    @inlinable
    public func compareExchange(
        expected: consuming Value, desired: consuming Value,
        successOrdering: AtomicUpdateOrdering, failureOrdering: AtomicLoadOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (exchanged: Bool, original: Value) {
        compareExchange(
            expected, desired, successOrdering.order, failureOrdering.order, isWeak: false, file,
            line)
    }

    /// The same, but it may also fail where the value was as expected: as often in one execution as
    /// `ModelOptions.spuriousFailureMax` says.
    @inlinable
    public func weakCompareExchange(
        expected: consuming Value, desired: consuming Value, ordering: AtomicUpdateOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (exchanged: Bool, original: Value) {
        compareExchange(
            expected, desired, ordering.order, ordering.failure, isWeak: true, file, line)
    }

    /// The weak form with an ordering for each outcome.
    @inlinable
    public func weakCompareExchange(
        expected: consuming Value, desired: consuming Value,
        successOrdering: AtomicUpdateOrdering, failureOrdering: AtomicLoadOrdering,
        file: StaticString = #fileID, line: UInt32 = #line
    ) -> (exchanged: Bool, original: Value) {
        compareExchange(
            expected, desired, successOrdering.order, failureOrdering.order, isWeak: true, file,
            line)
    }

    @inlinable
    func compareExchange(
        _ expected: consuming Value, _ desired: consuming Value, _ order: MemoryOrder,
        _ failureOrder: MemoryOrder, isWeak: Bool, _ file: StaticString, _ line: UInt32
    ) -> (exchanged: Bool, original: Value) {
        var step = operation(.compareExchange, order, file, line)
        step.failureOrder = failureOrder
        step.isWeak = isWeak
        step.expected = Value.bits(of: expected)
        step.operand = Value.bits(of: desired)
        let outcome = modelStep(step)
        return (outcome.isDone, Value.value(of: outcome.value))
    }
}

/// A fence, as in `Synchronization`: it orders the accesses before it and behind it.
@inlinable
public func atomicMemoryFence(
    ordering: AtomicUpdateOrdering, file: StaticString = #fileID, line: UInt32 = #line
) {
    _ = modelStep(
        AtomicOperation(
            .fence, order: ordering.order, site: CodeSite(file: file, line: line)))
}
