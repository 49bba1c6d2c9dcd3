// SPDX-License-Identifier: MIT

internal import Synchronization

// Operations outside of any model: the machine's own.
//
// Edges: E1  any write → any read of the atomic   carries what the caller's ordering promises
//        The orderings of this module are values, and those of the machine must be constants: they
//        are sequentially consistent here, since acquire and release would be too little for the
//        callers who ask for more.

/// Makes an access for real.
func realStep(_ operation: borrowing AtomicOperation) -> AtomicOutcome {
    switch operation.kind {
    case .begin, .park, .timeout, .wake, .yield, .lock, .unlock:
        return AtomicOutcome(value: AtomicBits(low: 0), isDone: false)
    case .fence:
        Synchronization.atomicMemoryFence(ordering: .sequentiallyConsistent)  // E1
        return AtomicOutcome(value: AtomicBits(low: 0), isDone: true)
    case .load:
        // Writes back what is there if that is zero, which changes nothing.
        let zero = AtomicBits(low: 0)
        let found = realCompareExchange(operation, expected: zero, desired: zero)
        return AtomicOutcome(value: found.value, isDone: true)
    case .compareExchange:
        return realCompareExchange(
            operation, expected: operation.expected, desired: operation.operand)
    case .store, .update:
        var old = AtomicBits(low: 0)
        while true {  // Repeated only after another thread changed the value.
            let new = operation.update.newValue(
                of: old, operation.operand, byteCount: operation.byteCount,
                isSigned: operation.isSigned)
            let found = realCompareExchange(operation, expected: old, desired: new)
            if found.isDone { return found }
            old = found.value
        }
    }
}

private func realCompareExchange(
    _ operation: borrowing AtomicOperation, expected: AtomicBits, desired: AtomicBits
) -> AtomicOutcome {
    let address = operation.address
    switch operation.byteCount {
    case 1: return exchange(UInt8.self, address, expected, desired)
    case 2: return exchange(UInt16.self, address, expected, desired)
    case 4: return exchange(UInt32.self, address, expected, desired)
    case 8: return exchange(UInt64.self, address, expected, desired)
    default: return exchange(WordPair.self, address, expected, desired)
    }
}

/// The five widths differ in the type only, and `Synchronization` has no generic operations.
private func exchange(
    _ type: UInt8.Type, _ address: UInt, _ expected: AtomicBits, _ desired: AtomicBits
) -> AtomicOutcome {
    // SAFETY: an atomic of this width lies at the address: `Atomic` has asked for the operation.
    let word = unsafe UnsafePointer<Synchronization.Atomic<UInt8>>(bitPattern: address)
    guard let word = unsafe word else { preconditionFailure("an atomic has an address") }
    let (isDone, found) = unsafe word.pointee.compareExchange(
        expected: UInt8(truncatingIfNeeded: expected.low),
        desired: UInt8(truncatingIfNeeded: desired.low),
        ordering: .sequentiallyConsistent)  // E1
    return AtomicOutcome(value: AtomicBits(low: UInt64(found)), isDone: isDone)
}

private func exchange(
    _ type: UInt16.Type, _ address: UInt, _ expected: AtomicBits, _ desired: AtomicBits
) -> AtomicOutcome {
    // SAFETY: an atomic of this width lies at the address: `Atomic` has asked for the operation.
    let word = unsafe UnsafePointer<Synchronization.Atomic<UInt16>>(bitPattern: address)
    guard let word = unsafe word else { preconditionFailure("an atomic has an address") }
    let (isDone, found) = unsafe word.pointee.compareExchange(
        expected: UInt16(truncatingIfNeeded: expected.low),
        desired: UInt16(truncatingIfNeeded: desired.low),
        ordering: .sequentiallyConsistent)  // E1
    return AtomicOutcome(value: AtomicBits(low: UInt64(found)), isDone: isDone)
}

private func exchange(
    _ type: UInt32.Type, _ address: UInt, _ expected: AtomicBits, _ desired: AtomicBits
) -> AtomicOutcome {
    // SAFETY: an atomic of this width lies at the address: `Atomic` has asked for the operation.
    let word = unsafe UnsafePointer<Synchronization.Atomic<UInt32>>(bitPattern: address)
    guard let word = unsafe word else { preconditionFailure("an atomic has an address") }
    let (isDone, found) = unsafe word.pointee.compareExchange(
        expected: UInt32(truncatingIfNeeded: expected.low),
        desired: UInt32(truncatingIfNeeded: desired.low),
        ordering: .sequentiallyConsistent)  // E1
    return AtomicOutcome(value: AtomicBits(low: UInt64(found)), isDone: isDone)
}

private func exchange(
    _ type: UInt64.Type, _ address: UInt, _ expected: AtomicBits, _ desired: AtomicBits
) -> AtomicOutcome {
    // SAFETY: an atomic of this width lies at the address: `Atomic` has asked for the operation.
    let word = unsafe UnsafePointer<Synchronization.Atomic<UInt64>>(bitPattern: address)
    guard let word = unsafe word else { preconditionFailure("an atomic has an address") }
    let (isDone, found) = unsafe word.pointee.compareExchange(
        expected: expected.low,
        desired: desired.low, ordering: .sequentiallyConsistent)  // E1
    return AtomicOutcome(value: AtomicBits(low: UInt64(found)), isDone: isDone)
}

private func exchange(
    _ type: WordPair.Type, _ address: UInt, _ expected: AtomicBits, _ desired: AtomicBits
) -> AtomicOutcome {
    // SAFETY: as above.
    let word = unsafe UnsafePointer<Synchronization.Atomic<WordPair>>(bitPattern: address)
    guard let word = unsafe word else { preconditionFailure("an atomic has an address") }
    let (isDone, found) = unsafe word.pointee.compareExchange(
        expected: WordPair(first: UInt(expected.low), second: UInt(expected.high)),
        desired: WordPair(first: UInt(desired.low), second: UInt(desired.high)),
        ordering: .sequentiallyConsistent)  // E1
    return AtomicOutcome(
        value: AtomicBits(low: UInt64(found.first), high: UInt64(found.second)), isDone: isDone)
}
