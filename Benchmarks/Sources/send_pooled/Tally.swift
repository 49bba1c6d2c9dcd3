// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConnectionPools

/// Counts what has settled. Any thread.
@safe
final class Tally: @unchecked Sendable {
    // Layout: the bell grows by one when the awaited count is reached, or will never be.
    //
    // Edges: E1  bell add → bell load   whoever finds the bell changed sees the count. The counts
    //            carry nothing else.
    //
    // `awaited` is set while nothing is under way.

    private let settled = Atomic<Int>(0)
    private let failed = Atomic<Int>(0)
    private let awaited = Atomic<Int>(.max)
    private let block = SharedBlock(byteCount: CacheLine.byteCount)

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var bell: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe block.pointer(at: 0, to: Atomic<UInt32>.self)
    }

    /// A batch of one outcome.
    func note(_ messages: Span<SettledMessage>) {
        if messages[0].outcome != .ok { failed.add(messages.count, ordering: .relaxed) }
        let (_, count) = settled.add(messages.count, ordering: .relaxed)
        if count >= awaited.load(ordering: .relaxed) { ring() }
    }

    /// The client takes no more: nobody need wait.
    func refuse() {
        awaited.store(.min, ordering: .relaxed)
        ring()
    }

    private func ring() {
        unsafe bell.pointee.add(1, ordering: .releasing)  // SAFETY: see `bell`.  // E1
        unsafe Parking.wake(bell, count: .max)  // SAFETY: see `bell`.
    }

    var failedCount: Int { failed.load(ordering: .relaxed) }

    /// So many, in all, will be waited for. Before the first of them is sent.
    func expect(_ count: Int) { awaited.store(count, ordering: .relaxed) }

    /// Blocks until as many have settled as are expected, at most a minute.
    func wait() {
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 60_000_000_000)
        while MonotonicInstant.now < deadline {  // Ends as said.
            let seen = unsafe bell.pointee.load(ordering: .acquiring)  // SAFETY: see `bell`.  // E1
            if settled.load(ordering: .relaxed) >= awaited.load(ordering: .relaxed) { return }
            // SAFETY: see `bell`.
            unsafe _ = Parking.wait(on: bell, while: seen, until: deadline)
        }
    }
}
