// SPDX-License-Identifier: MIT

import AtomicSupport
import Testing

/// A value that threads change and wait for, each wait with a deadline.
final class Board<Value>: @unchecked Sendable {
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
        unsafe bell.pointee.add(1, ordering: .releasing)  // SAFETY: see `bell`.
        unsafe Parking.wake(bell, count: .max)  // SAFETY: see `bell`.
        return result
    }

    func read<Result>(_ body: (Value) -> Result) -> Result {
        lock.withLock { body(value) }
    }

    /// Waits until `predicate` answers something; nil when the time is over.
    func wait<Result>(seconds: UInt64 = 10, for predicate: (Value) -> Result?) -> Result? {
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: seconds * 1_000_000_000)
        while true {  // Ends with an answer or at the deadline.
            // SAFETY: see `bell`.
            let rung = unsafe bell.pointee.load(ordering: .acquiring)
            if let result = read(predicate) { return result }
            if MonotonicInstant.now >= deadline { return nil }
            // SAFETY: see `bell`.
            _ = unsafe Parking.wait(on: bell, while: rung, until: deadline)
        }
    }
}

/// A wait took longer than any correct program needs.
struct TestTimeout: Error, CustomStringConvertible {
    let what: String
    var description: String { "timed out: \(what)" }
}
