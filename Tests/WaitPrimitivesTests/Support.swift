// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport

extension MonotonicInstant {
    /// A deadline that only a hanging test reaches.
    static var farAway: MonotonicInstant { .now.advanced(byNanoseconds: 20_000_000_000) }

    /// A deadline that is meant to pass.
    static var soon: MonotonicInstant { .now.advanced(byNanoseconds: 2_000_000) }
}

/// Raw waiters whose wakes are written down in order: the deterministic way to see who is woken.
@safe
final class WaitLog: @unchecked Sendable {
    // One thread uses a log.
    private let nodes: UnsafeMutablePointer<WaitNode>
    private let entries: UnsafeMutablePointer<Entry>
    private let count: Int
    private(set) var woken: [Int] = []

    @unsafe
    private struct Entry {
        let index: Int
        let log: Unmanaged<WaitLog>
    }

    convenience init(count: Int, key: UInt64 = 0) {
        self.init(keys: Array(repeating: key, count: count))
    }

    /// A waiter for each key.
    init(keys: [UInt64]) {
        count = keys.count
        // SAFETY: freed in `deinit`, which comes after every wait of the test.
        unsafe nodes = .allocate(capacity: count)
        unsafe entries = .allocate(capacity: count)  // SAFETY: as above.
        for index in 0..<count {
            // SAFETY: in bounds.
            unsafe (entries + index).initialize(to: Entry(index: index, log: .passUnretained(self)))
            // SAFETY: in bounds; the context is the entry, which lives as long as the node.
            let waiter = unsafe Waiter(
                wake: { context in
                    // SAFETY: the context is an entry of a living log.
                    let entry = unsafe context.assumingMemoryBound(to: Entry.self).pointee
                    // SAFETY: as above.
                    unsafe entry.log.takeUnretainedValue().woken.append(entry.index)
                }, context: UnsafeMutableRawPointer(entries + index))
            // SAFETY: in bounds.
            unsafe (nodes + index).initialize(to: WaitNode(waiter: waiter, key: keys[index]))
        }
    }

    deinit {
        unsafe entries.deinitialize(count: count)  // SAFETY: initialized above.
        unsafe entries.deallocate()  // SAFETY: allocated above.
        unsafe nodes.deallocate()  // SAFETY: allocated above; nodes are trivial.
    }

    func enqueue<Source: WaitSource & ~Copyable>(
        _ index: Int, on source: borrowing Source
    ) -> WaitAdmission {
        unsafe source.enqueue(nodes + index)  // SAFETY: the node lives as long as the log.
    }

    func withdraw<Source: WaitSource & ~Copyable>(
        _ index: Int, from source: borrowing Source
    ) -> WaitWithdrawal {
        unsafe source.withdraw(nodes + index)  // SAFETY: the node lives as long as the log.
    }
}

/// Memory for `init(storage:)`, full of garbage.
func withStorage(byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
    let storage = UnsafeMutableRawBufferPointer.allocate(
        byteCount: byteCount, alignment: CacheLine.byteCount)
    defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
    // SAFETY: in bounds.
    for index in 0..<byteCount { unsafe storage[index] = 0xA5 }
    unsafe body(storage)  // SAFETY: the body ends before the memory is freed.
}

/// A plain word without any synchronization of its own: only the primitive orders its accesses.
final class PlainCell: @unchecked Sendable {
    var value: UInt64 = 0
}

/// Waits, yielding, until a condition of another task or thread holds; false if it never does.
func eventually(_ condition: () -> Bool) async -> Bool {
    let deadline = MonotonicInstant.farAway
    while !condition() {
        if MonotonicInstant.now >= deadline { return false }
        await Task.yield()
    }
    return true
}
