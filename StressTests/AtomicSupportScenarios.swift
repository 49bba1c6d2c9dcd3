// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport

let atomicSupportScenarios: [Scenario] = [
    Scenario(
        name: "lock", room: "AtomicSupport", threads: 4,
        summary: "4 lock and unlock around plain words: no lost increment, no torn pair",
        run: lockScenario),
    Scenario(
        name: "free-list", room: "AtomicSupport", threads: 4,
        summary: "4 pop and push chains of slots with a canary each: one owner, none lost",
        run: freeListScenario),
]

private final class LockedWords: @unchecked Sendable {
    // Words of the block: 0 the lock; on the next line a counter and its complement.
    private let block = SharedBlock(byteCount: 2 * CacheLine.byteCount)

    var lock: InternalLock {
        // SAFETY: the zeroed word lives as long as the block.
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    /// Counts up; false if the two words did not fit together. Only under the lock.
    func countUp() -> Bool {
        // SAFETY: two words of the block that the lock guards.
        let words = unsafe block.pointer(at: CacheLine.byteCount, to: UInt64.self)
        let isWhole = unsafe words[0] == words[1]  // SAFETY: in bounds, under the lock.
        unsafe words[0] &+= 1  // SAFETY: in bounds, under the lock.
        unsafe words[1] &+= 1  // SAFETY: in bounds, under the lock.
        return isWhole
    }

    var count: UInt64 {
        unsafe block.pointer(at: CacheLine.byteCount, to: UInt64.self)[0]  // SAFETY: in bounds.
    }
}

private func lockScenario(_ context: StressContext) -> UInt64 {
    let words = LockedWords()
    let total = Shared(Atomic<UInt64>(0))
    ThreadTeam.run(count: 4) { thread in
        var random = SplitMix64(seed: context.seed, stream: thread)
        var count: UInt64 = 0
        while !context.isOver {
            for _ in 0..<64 {
                let isWhole = words.lock.withLock { words.countUp() }
                context.check(isWhole, "two threads were inside the lock")
                count += 1
            }
            if random.next() % 8 == 0 {
                var backoff = Backoff()
                for _ in 0..<8 { backoff.snooze() }
            }
        }
        total.value.wrappingAdd(count, ordering: .relaxed)
    }
    let expected = total.value.load(ordering: .relaxed)
    context.check(words.count == expected, "\(words.count) counted of \(expected)")
    return expected
}

/// Slots with their link, and behind it a plain word that says who has the slot.
private final class CanarySlab: @unchecked Sendable {
    static let slotCount = 12
    private let block: SharedBlock

    init(firstTag: UInt32) {
        block = SharedBlock(byteCount: CacheLine.byteCount + Self.slotCount * 16)
        // SAFETY: fresh memory; nobody uses the list yet.
        unsafe list.initialize(count: Self.slotCount, firstTag: firstTag)
    }

    var list: TaggedFreeList {
        // SAFETY: the head has a line of its own, the slots lie behind it.
        unsafe TaggedFreeList(
            head: block.pointer(at: 0, to: Atomic<UInt64>.self),
            slots: block.base + CacheLine.byteCount, stride: 16)
    }

    /// Writes who has the slot; returns who had it. Only its owner may.
    func mark(_ link: UInt32, _ owner: UInt64) -> UInt64 {
        let offset = CacheLine.byteCount + Int(link - 1) * 16 + 8
        let word = unsafe block.pointer(at: offset, to: UInt64.self)  // SAFETY: in the slab.
        let before = unsafe word.pointee  // SAFETY: the caller owns the slot.
        unsafe word.pointee = owner  // SAFETY: as above.
        return before
    }
}

private func freeListScenario(_ context: StressContext) -> UInt64 {
    // The tag wraps during the run.
    let slab = CanarySlab(firstTag: .max - 1_000)
    let total = Shared(Atomic<UInt64>(0))
    ThreadTeam.run(count: 4) { thread in
        var random = SplitMix64(seed: context.seed, stream: thread)
        var operations: UInt64 = 0
        while !context.isOver {
            for _ in 0..<64 {
                let countMax = Int(random.next() % 4) + 1
                // SAFETY: the slab outlives the threads.
                let (first, count) = unsafe slab.list.popChain(countMax: countMax)
                if count == 0 { continue }
                var last = first
                var link = first
                for _ in 0..<count {
                    context.check(slab.mark(link, UInt64(thread) + 1) == 0, "two owners of a slot")
                    last = link
                    link = unsafe slab.list.next(of: link)  // SAFETY: a link of our chain.
                }
                link = first
                for _ in 0..<count {
                    context.check(slab.mark(link, 0) == UInt64(thread) + 1, "a slot was shared")
                    link = unsafe slab.list.next(of: link)  // SAFETY: a link of our chain.
                }
                unsafe slab.list.push(first: first, last: last)  // SAFETY: our chain.
                operations += 2
            }
        }
        total.value.wrappingAdd(operations, ordering: .relaxed)
    }
    // SAFETY: the threads have ended.
    let count = unsafe slab.list.popChain(countMax: CanarySlab.slotCount + 1).count
    context.check(count == CanarySlab.slotCount, "\(count) slots are left in the list")
    return total.value.load(ordering: .relaxed)
}
