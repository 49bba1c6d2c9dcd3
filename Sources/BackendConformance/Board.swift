// SPDX-License-Identifier: MIT

internal import AtomicSupport

/// A value that threads change and wait for, each wait with a deadline.
final class Board<Value>: @unchecked Sendable {
    // Edges: the lock's carry the value. E1  ring: update add → wait load: who reads the new number
    //        finds the value changed; who reads the old one does not sleep on it.
    private let block = SharedBlock(byteCount: 2 * CacheLine.byteCount)
    private var value: Value

    init(_ value: Value) {
        self.value = value
    }

    // SAFETY: the zeroed words live in `block`, which lives as long as `self`.
    private var lock: InternalLock {
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    // SAFETY: as above.
    private var bell: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe block.pointer(at: CacheLine.byteCount, to: Atomic<UInt32>.self)
    }

    @discardableResult
    func update<Result>(_ body: (inout Value) -> Result) -> Result {
        let result = lock.withLock { body(&value) }
        unsafe bell.pointee.add(1, ordering: .releasing)  // E1  SAFETY: see `bell`.
        unsafe Parking.wake(bell, count: .max)  // SAFETY: see `bell`.
        return result
    }

    func read<Result>(_ body: (Value) -> Result) -> Result {
        lock.withLock { body(value) }
    }

    /// Waits until `predicate` answers something; nil when the time is over.
    func wait<Result>(
        until deadline: MonotonicInstant, for predicate: (Value) -> Result?
    ) -> Result? {
        while true {  // Ends with an answer or at the deadline.
            // SAFETY: see `bell`.
            let rung = unsafe bell.pointee.load(ordering: .acquiring)  // E1
            if let result = read(predicate) { return result }
            if MonotonicInstant.now >= deadline { return nil }
            // SAFETY: see `bell`.
            _ = unsafe Parking.wait(on: bell, while: rung, until: deadline)
        }
    }
}
