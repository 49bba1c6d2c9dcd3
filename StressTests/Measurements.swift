// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import MemoryReclamation
internal import ObjectPools

// One thread, nanoseconds for each operation, the least of several runs. Not a test: nothing fails.

/// Prints what one operation of each primitive costs when nobody else is there.
func printMeasurements() {
    let turns = 2_000_000
    report("mpmc tryPush + tryPop") { measureRing(turns) }
    report("mpmc push 16 + drain 16, each") { measureRingBatch(turns) }
    report("lock-free tryPush + tryPop") { measureLockFree(turns) }
    report("lock-free tryPop of nothing") { measureLockFreeEmpty(turns) }
    report("relaxed tryPush + tryPop, own lane") { measureRelaxed(turns) }
    report("broadcast tryPublish + tryReceive") { measureBroadcast(turns) }
    report("broadcast tryReceive of nothing") { measureBroadcastEmpty(turns) }
    report("unbounded mpmc tryPush + tryPop") { measureUnboundedMPMC(turns) }
    report("unbounded mpmc push 16 + drain 16, each") { measureUnboundedMPMCBatch(turns) }
    report("spsc tryPush + tryPop") { measurePipe(turns) }
    report("spsc fill 16 + drain 16, each") { measurePipeBatch(turns) }
    report("unbounded spsc tryPush + tryPop") { measureUnboundedPipe(turns) }
    report("inbox tryPush + drain of one") { measureInbox(turns) }
    report("inbox push 16 + drain 16, each") { measureInboxBatch(turns) }
    report("hazard guard: protect + end") { measureHazard(turns) }
    report("epoch pin + unpin") { measurePin(turns) }
    report("pool acquire + release, magazine") { measurePool(turns, magazineCount: 64, depth: 1) }
    report("pool acquire + release, 64 deep, each") {
        measurePool(turns, magazineCount: 64, depth: 64)
    }
    report("pool acquire + release, bare list") { measurePool(turns, magazineCount: 0, depth: 1) }
    report("free list pop + push") { measureList(turns) }
    report("malloc + free of 64 bytes") { measureMalloc(turns, depth: 1) }
    report("malloc + free of 64 bytes, 64 deep, each") { measureMalloc(turns, depth: 64) }
    printMeasurementsOfTimers(turns)
    printMeasurementsOfTwo()
}

/// Runs it several times, and prints the least time for each turn.
func report(_ name: String, _ body: () -> (turns: Int, checksum: UInt64)) {
    var best = Double.infinity
    var checksum: UInt64 = 0
    for _ in 0..<7 {
        let start = MonotonicInstant.now
        let result = body()
        let elapsed = MonotonicInstant.now.nanoseconds(since: start)
        best = min(best, Double(elapsed) / Double(result.turns))
        checksum &+= result.checksum
    }
    let rounded = (best * 100).rounded() / 100
    print("  \(rounded) ns  \(name)  (checksum \(checksum))")
}

@inline(never)
private func measureRing(_ turns: Int) -> (Int, UInt64) {
    let queue = BoundedMPMCQueue<UInt64>(capacity: 1024)
    var sum: UInt64 = 0
    for turn in 0..<turns {
        _ = queue.tryPush(UInt64(turn))
        sum &+= queue.tryPop() ?? 0
    }
    return (turns, sum)
}

@inline(never)
private func measureRingBatch(_ turns: Int) -> (Int, UInt64) {
    let queue = BoundedMPMCQueue<UInt64>(capacity: 1024)
    var sum: UInt64 = 0
    for turn in 0..<turns / 16 {
        for step in 0..<16 { _ = queue.tryPush(UInt64(turn &+ step)) }
        queue.drain(max: 16) { sum &+= $0 }
    }
    return (turns, sum)
}

@inline(never)
private func measureLockFree(_ turns: Int) -> (Int, UInt64) {
    let queue = LockFreeMPMCQueue<UInt64>(capacity: 1024)
    var sum: UInt64 = 0
    for turn in 0..<turns {
        _ = queue.tryPush(UInt64(turn))
        sum &+= queue.tryPop() ?? 0
    }
    return (turns, sum)
}

@inline(never)
private func measureUnboundedMPMC(_ turns: Int) -> (Int, UInt64) {
    let queue = UnboundedMPMCQueue<UInt64>()
    var sum: UInt64 = 0
    for turn in 0..<turns {
        _ = queue.tryPush(UInt64(turn))
        sum &+= queue.tryPop() ?? 0
    }
    return (turns, sum)
}

@inline(never)
private func measureLockFreeEmpty(_ turns: Int) -> (Int, UInt64) {
    let queue = LockFreeMPMCQueue<UInt64>(capacity: 1024)
    var sum: UInt64 = 0
    for _ in 0..<turns { sum &+= queue.tryPop() ?? 0 }
    return (turns, sum)
}

@inline(never)
private func measureBroadcast(_ turns: Int) -> (Int, UInt64) {
    let ring = BroadcastRing<UInt64>(capacity: 1024)
    var cursor = ring.subscribe()
    var sum: UInt64 = 0
    for turn in 0..<turns {
        _ = ring.tryPublish(UInt64(turn))
        if case .element(let element) = ring.tryReceive(by: &cursor) { sum &+= element }
    }
    return (turns, sum)
}

@inline(never)
private func measureBroadcastEmpty(_ turns: Int) -> (Int, UInt64) {
    let ring = BroadcastRing<UInt64>(capacity: 1024)
    var cursor = ring.subscribe()
    var count: UInt64 = 0
    for _ in 0..<turns where ring.tryReceive(by: &cursor) == nil { count &+= 1 }
    return (turns, count)
}

@inline(never)
private func measureRelaxed(_ turns: Int) -> (Int, UInt64) {
    let queue = RelaxedMPMCQueue<UInt64>(laneCount: 2, laneCapacity: 512)
    var handle = queue.makeHandle()
    var sum: UInt64 = 0
    for turn in 0..<turns {
        _ = queue.tryPush(UInt64(turn), by: handle)
        sum &+= queue.tryPop(by: &handle) ?? 0
    }
    return (turns, sum)
}

@inline(never)
private func measureUnboundedMPMCBatch(_ turns: Int) -> (Int, UInt64) {
    let queue = UnboundedMPMCQueue<UInt64>()
    var sum: UInt64 = 0
    for turn in 0..<turns / 16 {
        for step in 0..<16 { _ = queue.tryPush(UInt64(turn &+ step)) }
        queue.drain(max: 16) { sum &+= $0 }
    }
    return (turns, sum)
}

@inline(never)
private func measurePipe(_ turns: Int) -> (Int, UInt64) {
    let queue = BoundedSPSCQueue<UInt64>(capacity: 1024)
    var sum: UInt64 = 0
    for turn in 0..<turns {
        _ = queue.tryPush(UInt64(turn))
        sum &+= queue.tryPop() ?? 0
    }
    return (turns, sum)
}

@inline(never)
private func measurePipeBatch(_ turns: Int) -> (Int, UInt64) {
    let queue = BoundedSPSCQueue<UInt64>(capacity: 1024)
    var sum: UInt64 = 0
    for turn in 0..<turns / 16 {
        queue.fill(max: 16) { UInt64(turn) }
        queue.drain(max: 16) { sum &+= $0 }
    }
    return (turns, sum)
}

@inline(never)
private func measureUnboundedPipe(_ turns: Int) -> (Int, UInt64) {
    let queue = UnboundedSPSCQueue<UInt64>()
    var sum: UInt64 = 0
    for turn in 0..<turns {
        _ = queue.tryPush(UInt64(turn))
        sum &+= queue.tryPop() ?? 0
    }
    return (turns, sum)
}

@inline(never)
private func measureInbox(_ turns: Int) -> (Int, UInt64) {
    let inbox = MPSCInbox<UInt64>(capacity: 1024)
    var sum: UInt64 = 0
    for turn in 0..<turns {
        _ = inbox.tryPush(UInt64(turn))
        inbox.drain { sum &+= $0 }
    }
    return (turns, sum)
}

@inline(never)
private func measureInboxBatch(_ turns: Int) -> (Int, UInt64) {
    let inbox = MPSCInbox<UInt64>(capacity: 1024)
    var sum: UInt64 = 0
    for turn in 0..<turns / 16 {
        for step in 0..<16 { _ = inbox.tryPush(UInt64(turn &+ step)) }
        inbox.drain { sum &+= $0 }
    }
    return (turns, sum)
}

@inline(never)
private func measureHazard(_ turns: Int) -> (Int, UInt64) {
    let domain = HazardDomain()
    let block = SharedBlock(byteCount: CacheLine.byteCount)
    // SAFETY: in the block.
    let source = unsafe block.pointer(at: 0, to: Atomic<UnsafeMutableRawPointer?>.self)
    unsafe source.initialize(to: Atomic(block.base))  // SAFETY: as above.
    var sum: UInt64 = 0
    for _ in 0..<turns {
        domain.withGuard { hazard in
            // SAFETY: the source lives, and nothing is retired.
            if unsafe hazard.protect(source) != nil { sum &+= 1 }
        }
    }
    return (turns, sum)
}

@inline(never)
private func measurePin(_ turns: Int) -> (Int, UInt64) {
    let domain = EpochDomain()
    var sum: UInt64 = 0
    for _ in 0..<turns {
        domain.withPin { _ in sum &+= 1 }
    }
    return (turns, sum)
}

@inline(never)
private func measurePool(_ turns: Int, magazineCount: Int, depth: Int) -> (Int, UInt64) {
    let pool = ObjectPool<UInt64>(capacity: 1024, magazineCount: magazineCount, make: { 0 })
    let empty = PoolHandle(index: 0, generation: 0)
    var held = [PoolHandle](repeating: empty, count: depth)
    var sum: UInt64 = 0
    for _ in 0..<turns / depth {
        for place in 0..<depth {
            guard let handle = pool.tryAcquire() else { continue }
            held[place] = handle
        }
        for place in 0..<depth {
            sum &+= UInt64(held[place].index)
            pool.release(held[place])
        }
    }
    return (turns, sum)
}

@inline(never)
private func measureList(_ turns: Int) -> (Int, UInt64) {
    let block = SharedBlock(byteCount: CacheLine.byteCount + 64 * 64)
    // SAFETY: the head has a line of its own, the slots lie behind it; nobody else is here.
    let list = unsafe TaggedFreeList(
        head: block.pointer(at: 0, to: Atomic<UInt64>.self),
        slots: block.base + CacheLine.byteCount, stride: 64)
    unsafe list.initialize(count: 64)  // SAFETY: as above.
    var sum: UInt64 = 0
    for _ in 0..<turns {
        let link = unsafe list.pop()  // SAFETY: as above.
        sum &+= UInt64(link)
        unsafe list.push(first: link, last: link)  // SAFETY: as above.
    }
    return (turns, sum)
}

@inline(never)
private func measureMalloc(_ turns: Int, depth: Int) -> (Int, UInt64) {
    var held = [UInt](repeating: 0, count: depth)
    var sum: UInt64 = 0
    for turn in 0..<turns / depth {
        for place in 0..<depth {
            let block = UnsafeMutablePointer<UInt64>.allocate(capacity: 8)
            unsafe block.initialize(to: UInt64(turn))  // SAFETY: allocated above.
            held[place] = UInt(bitPattern: block)
        }
        for place in 0..<depth {
            let address = held[place]
            // SAFETY: the address of a block that was allocated above.
            guard let block = unsafe UnsafeMutablePointer<UInt64>(bitPattern: address) else {
                continue
            }
            sum &+= unsafe block.pointee  // SAFETY: initialized above.
            unsafe block.deallocate()  // SAFETY: freed once.
        }
    }
    return (turns, sum)
}
