// SPDX-License-Identifier: MIT

import AtomicSupport
import DrainAllocators
import Glibc
import StressSupport
import Testing

@Suite("Drain allocator", .timeLimit(.minutes(20)))
struct DrainAllocatorTests {
    static var past: MonotonicInstant { MonotonicInstant(nanoseconds: 0) }
    static var farAway: MonotonicInstant { .now.advanced(byNanoseconds: 20_000_000_000) }

    @Test("Memory is aligned, usable from end to end, and counted until it is back")
    func memoryIsCounted() {
        // If this failed, blocks would overlap their headers, or the count would lie.
        let allocator = DrainAllocator(byteCountMax: 1 << 20)
        for alignment in [1, 8, 16, 32, 64, 128, 4096] {
            for byteCount in [0, 1, 31, 1000] {
                // SAFETY: freed below, touched in bounds.
                guard
                    let memory = unsafe allocator.allocate(
                        byteCount: byteCount, alignment: alignment),
                    let start = memory.baseAddress
                else {
                    Issue.record("refused")
                    return
                }
                #expect(UInt(bitPattern: start) % UInt(alignment) == 0)
                #expect(memory.count == byteCount)
                for index in 0..<byteCount { unsafe memory[index] = 0xEE }  // SAFETY: in bounds.
                let outstanding = allocator.outstanding
                #expect(outstanding == .init(blockCount: 1, byteCount: byteCount))
                allocator.checkInvariants()
                unsafe allocator.deallocate(start)  // SAFETY: allocated above, freed once.
            }
        }
        #expect(allocator.outstanding == .init(blockCount: 0, byteCount: 0))
        let isDrained = allocator.blockingDrained(until: Self.past)
        #expect(isDrained)
    }

    @Test("The limit holds exactly, and what comes back can be given out again")
    func limitHolds() {
        // If this failed, a bounded server would grow without bound or starve itself.
        let allocator = DrainAllocator(byteCountMax: 100)
        for _ in 0..<3 {
            let first = allocator.make(UInt64(1))
            let bytes = (0..<92).map { _ in allocator.make(UInt8(0)) != nil }
            #expect(bytes.allSatisfy { $0 })
            // SAFETY: nothing is given out.
            let isRefused = unsafe allocator.allocate(byteCount: 93, alignment: 1) == nil
            #expect(isRefused)
            // SAFETY: nothing is given out.
            let isHugeRefused = unsafe allocator.allocate(byteCount: .max) == nil
            #expect(isHugeRefused)
            #expect(allocator.outstanding.byteCount == 8)
            allocator.checkInvariants()
            _ = first
        }
        allocator.checkInvariants()
        #expect(allocator.outstanding == .init(blockCount: 0, byteCount: 0))
    }

    @Test("A planted leak: the wait fails at its deadline, and the report says what is missing")
    func leakIsReported() {
        // If this failed, a shutdown would hang, or claim that all memory is back.
        let allocator = DrainAllocator(byteCountMax: 1000)
        let leak = allocator.make((1, 2, 3))
        do {
            let returned = allocator.make(4)
            #expect(allocator.outstanding == .init(blockCount: 2, byteCount: 32))
            _ = returned
        }
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 2_000_000)
        let isDrained = allocator.blockingDrained(until: deadline)
        #expect(!isDrained)
        #expect(MonotonicInstant.now >= deadline)
        #expect(allocator.outstanding == .init(blockCount: 1, byteCount: 24))
        allocator.checkInvariants()
        let value = leak?.take()
        #expect(value?.1 == 2)
        let isDrainedNow = allocator.blockingDrained(until: Self.past)
        #expect(isDrainedNow)
    }

    @Test("Values are destroyed once: with their owner, or not when taken, or when refused")
    func valuesDieOnce() {
        // If this failed, connection records would leak or be destroyed twice.
        let ledger = LifetimeLedger()
        let allocator = DrainAllocator(byteCountMax: MemoryLayout<Tracked>.size)
        do {
            let first = allocator.make(ledger.makeTracked(1))
            let isRefused = allocator.make(ledger.makeTracked(2)) == nil
            #expect(isRefused)
            #expect(ledger.aliveCount == 1)
            allocator.checkInvariants()
            let payload = first?.withValue { $0.payload }
            #expect(payload == 1)
        }
        #expect(ledger.aliveCount == 0)
        if let taken = allocator.make(ledger.makeTracked(3))?.take() {
            #expect(taken.payload == 3)
            #expect(ledger.aliveCount == 1)
            #expect(allocator.outstanding.blockCount == 0)
        }
        #expect(ledger.aliveCount == 0)
        #expect(ledger.bornCount == 3)
        allocator.checkInvariants()
    }

    @Test("After close every allocation is refused, and what is out can still come back")
    func closeIsABarrier() {
        // If this failed, a drain could be followed by memory that nobody waits for.
        let allocator = DrainAllocator(byteCountMax: 1000)
        do {
            let early = allocator.make(1)
            allocator.close()
            #expect(allocator.isClosed == true)
            let isRefused = allocator.make(2) == nil
            #expect(isRefused)
            #expect(allocator.outstanding == .init(blockCount: 1, byteCount: 8))
            allocator.checkInvariants()
            _ = early
        }
        allocator.checkInvariants()
        let isDrained = allocator.blockingDrained(until: Self.past)
        #expect(isDrained)
        #expect(allocator.outstanding.byteCount == 0)
    }

    @Test("Several threads and tasks wait at once, again and again")
    func severalWait() async throws {
        // If this failed, only one waiter would be served (the ancestor), or only the first time.
        let allocator = Shared(DrainAllocator(byteCountMax: 1 << 20))
        for round in 1...20 {
            let address = take(round, from: allocator.value)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 { group.addTask { try await allocator.value.drained() } }
                await ThreadTeam.run(count: 3) { thread in
                    if thread == 0 { give(address, back: allocator.value) }
                    let isDrained = allocator.value.blockingDrained(until: Self.farAway)
                    #expect(isDrained)
                }
                try await group.waitForAll()
            }
            allocator.value.checkInvariants()
        }
        #expect(allocator.value.outstanding == .init(blockCount: 0, byteCount: 0))
    }

    @Test("A task that waits can be cancelled, and the others go on waiting")
    func cancelledWaiter() async throws {
        // If this failed, a shutdown that gives up would take others with it, or never end.
        let allocator = Shared(DrainAllocator(byteCountMax: 100))
        let address = take(1, from: allocator.value)
        let tasks = (0..<3).map { _ in Task { try await allocator.value.drained() } }
        for _ in 0..<20 { await Task.yield() }
        tasks[1].cancel()
        let result = await tasks[1].result
        #expect(throws: CancellationError.self) { try result.get() }
        allocator.value.checkInvariants()
        give(address, back: allocator.value)
        try await tasks[0].value
        try await tasks[2].value
        allocator.value.checkInvariants()
    }

    @Test("Memory given back twice, to a stranger, or never traps")
    func misuseTraps() async {
        // If this failed, heap corruption would go on silently in release builds.
        await #expect(processExitsWith: .failure) {
            // The source keeps what it gets, so that the header can still be read.
            // SAFETY: a source that leaks.
            let keeper = unsafe MemorySource(
                allocate: { _, byteCount, alignment in
                    UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: alignment)
                }, deallocate: { _, _, _, _ in }, context: nil)
            // SAFETY: the source outlives the allocator.
            let allocator = unsafe DrainAllocator(byteCountMax: 100, source: keeper)
            let address = take(8, from: allocator)
            _ = take(8, from: allocator)
            give(address, back: allocator)
            give(address, back: allocator)
            leaveInPeace()
        }
        await #expect(processExitsWith: .failure) {
            let one = DrainAllocator(byteCountMax: 100)
            let other = DrainAllocator(byteCountMax: 100)
            let address = take(8, from: one)
            _ = take(8, from: other)
            give(address, back: other)
            leaveInPeace()
        }
        await #expect(processExitsWith: .failure) {
            let allocator = DrainAllocator(byteCountMax: 100)
            _ = take(8, from: allocator)
        }
    }

    @Test("Another source and the caller's storage: sizes and alignments come back as they went")
    func anotherSource() {
        // If this failed, an arena below could not take its memory back.
        let books = UnsafeMutablePointer<Int>.allocate(capacity: 2)
        defer { unsafe books.deallocate() }  // SAFETY: allocated above.
        unsafe books.initialize(repeating: 0, count: 2)  // SAFETY: as above.
        // SAFETY: the functions are a pair, and the books outlive the allocator.
        let source = unsafe MemorySource(
            allocate: { context, byteCount, alignment in
                // SAFETY: the context is the books.
                let books = unsafe context!.assumingMemoryBound(to: Int.self)
                if byteCount > 2000 { return nil }
                unsafe books[0] += byteCount  // SAFETY: in bounds.
                unsafe books[1] += alignment  // SAFETY: in bounds.
                return .allocate(byteCount: byteCount, alignment: alignment)
            },
            deallocate: { context, memory, byteCount, alignment in
                // SAFETY: the context is the books.
                let books = unsafe context!.assumingMemoryBound(to: Int.self)
                unsafe books[0] -= byteCount  // SAFETY: in bounds.
                unsafe books[1] -= alignment  // SAFETY: in bounds.
                unsafe memory.deallocate()  // SAFETY: it came from the function above.
            }, context: books)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: DrainAllocator.storageByteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above.
        // SAFETY: in bounds.
        for index in 0..<storage.count { unsafe storage[index] = 0xA5 }
        do {
            // SAFETY: storage and source outlive the allocator.
            let allocator = unsafe DrainAllocator(
                storage: storage, byteCountMax: 10_000, source: source)
            for alignment in [1, 64] {
                // SAFETY: freed below.
                let memory = unsafe allocator.allocate(byteCount: 100, alignment: alignment)
                guard let start = unsafe memory?.baseAddress else {  // SAFETY: an address.
                    Issue.record("refused")
                    return
                }
                let borrowed = unsafe books[0]  // SAFETY: in bounds.
                #expect(borrowed == 100 + max(headerByteCount, alignment))
                unsafe allocator.deallocate(start)  // SAFETY: freed once.
            }
            // SAFETY: nothing is given out.
            let isRefused = unsafe allocator.allocate(byteCount: 5000) == nil
            #expect(isRefused)
            allocator.checkInvariants()
            #expect(allocator.outstanding == .init(blockCount: 0, byteCount: 0))
        }
        let isBalanced = unsafe books[0] == 0 && books[1] == 0  // SAFETY: in bounds.
        #expect(isBalanced)
    }

    @Test("Threads allocate and free under a limit while another closes and drains")
    func threadsDrain() {
        // If this failed, an allocation could slip between the close and the end of the wait.
        for round in 0..<100 {
            let allocator = Shared(DrainAllocator(byteCountMax: 256))
            ThreadTeam.run(count: 4) { thread in
                var generator = SplitMix64(seed: UInt64(round), stream: thread)
                if thread == 0 {
                    allocator.value.close()
                    let isDrained = allocator.value.blockingDrained(until: Self.farAway)
                    #expect(isDrained)
                    #expect(allocator.value.outstanding.byteCount == 0)
                    return
                }
                for index in 0..<20 as Range<UInt64> {
                    if UInt32.random(in: 0..<4, using: &generator) == 0 { shortPause() }
                    let box = allocator.value.make(index)
                    let value = box?.withValue { $0 }
                    if let value { #expect(value == index) }
                }
            }
            #expect(allocator.value.outstanding == .init(blockCount: 0, byteCount: 0))
            allocator.value.checkInvariants()
        }
    }
}

/// A pause of some spins, to vary who meets whom.
private func shortPause() {
    var backoff = Backoff()
    for _ in 0..<4 { backoff.spin() }
}

/// Memory as a number, which tasks and threads may pass around.
private func take(_ byteCount: Int, from allocator: borrowing DrainAllocator) -> UInt {
    // SAFETY: given back by `give`.
    let memory = unsafe allocator.allocate(byteCount: byteCount)
    return unsafe UInt(bitPattern: memory?.baseAddress)  // SAFETY: only the address is used.
}

private func give(_ address: UInt, back allocator: borrowing DrainAllocator) {
    // SAFETY: the address came from `take`, and is given back once.
    guard let start = unsafe UnsafeMutableRawPointer(bitPattern: address) else { return }
    unsafe allocator.deallocate(start)  // SAFETY: as above.
}

/// Ends the process with success before the allocators' own end could trap: only the misuse counts.
private func leaveInPeace() {
    exit(0)
}

/// What lies before each block; the report of what is out needs more.
var headerByteCount: Int {
    #if CallSites
        64
    #else
        32
    #endif
}
