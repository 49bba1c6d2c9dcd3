// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import StressSupport

let concurrentQueuesScenarios: [Scenario] = [
    Scenario(
        name: "mpmc-2p2c", room: "ConcurrentQueues", threads: 4,
        summary: "1 pushes, 1 fills, 1 pops, 1 drains, then close: sum, order, lifetimes, places",
        run: { ringScenario($0, producerCount: 2, consumerCount: 2, capacity: 8) }),
    Scenario(
        name: "mpmc-4p4c", room: "ConcurrentQueues", threads: 8,
        summary: "2 push, 2 fill, 2 pop, 2 drain, then close: sum, order, lifetimes, places",
        run: { ringScenario($0, producerCount: 4, consumerCount: 4, capacity: 64) }),
    Scenario(
        name: "mpmc-close", room: "ConcurrentQueues", threads: 4,
        summary: "2 push, 1 pops, 1 closes at a random moment: each parcel popped or handed back",
        run: ringCloseScenario),
    Scenario(
        name: "inbox-4p", room: "ConcurrentQueues", threads: 5,
        summary: "4 push, 1 drains, then close: order, wake-ups, lifetimes, quiescent fill",
        run: inboxScenario),
    Scenario(
        name: "inbox-close", room: "ConcurrentQueues", threads: 4,
        summary:
            "2 push, 1 drains, 1 closes at a random moment: each parcel drained or handed back",
        run: inboxCloseScenario),
]

// MARK: - Ring

private func ringScenario(
    _ context: StressContext, producerCount: Int, consumerCount: Int, capacity: Int
) -> UInt64 {
    let queue = Shared(BoundedMPMCQueue<Parcel>(capacity: capacity))
    let census = ParcelCensus()
    let totals = Shared(Totals())
    let producersLeft = Shared(Atomic<Int>(producerCount))
    ThreadTeam.run(count: producerCount + consumerCount) { thread in
        if thread < producerCount {
            let pushed =
                thread % 2 == 0
                ? pushIntoRing(queue, producer: thread, census, context) { context.isOver }
                : fillRing(queue, producer: thread, census, context)
            totals.value.notePushed(count: pushed.count, sum: pushed.sum)
            // Relaxed: the last producer only closes, and close itself is what is being tested.
            if producersLeft.value.subtract(1, ordering: .relaxed).newValue == 0 {
                queue.value.close()
            }
        } else {
            let receipts = emptyRing(
                queue, producerCount: producerCount, isDraining: thread % 2 == 1, context)
            totals.value.noteTaken(receipts)
        }
    }
    context.check(queue.value.isDrained, "the queue is not drained at the end")
    context.check(census.alive == 0, "\(census.alive) parcels are left")
    checkQuiescentRing(capacity: capacity, after: context.seed, context)
    return totals.value.compare(in: context)
}

/// Pushes parcels until told to end or refused for good. Returns what the queue accepted.
private func pushIntoRing(
    _ queue: Shared<BoundedMPMCQueue<Parcel>>, producer: Int, _ census: ParcelCensus,
    _ context: StressContext, until isOver: () -> Bool
) -> (count: UInt64, sum: UInt64) {
    var (count, sum): (UInt64, UInt64) = (0, 0)
    var backoff = Backoff()
    while !isOver() {
        let parcel = Parcel(producer: producer, number: count + 1, census: census)
        if let refused = queue.value.tryPush(parcel) {
            context.check(refused.number == count + 1, "another parcel was handed back")
            context.check(refused.isWhole, "a refused parcel has changed")
            if queue.value.isClosed { break }
            backoff.snooze()
        } else {
            count += 1
            sum &+= count
            backoff = Backoff()
        }
    }
    return (count, sum)
}

/// Puts parcels in batches of up to five until the time is over. The queue is open until then.
private func fillRing(
    _ queue: Shared<BoundedMPMCQueue<Parcel>>, producer: Int, _ census: ParcelCensus,
    _ context: StressContext
) -> (count: UInt64, sum: UInt64) {
    var (count, sum): (UInt64, UInt64) = (0, 0)
    var backoff = Backoff()
    while !context.isOver {
        let before = count
        let accepted = queue.value.fill(max: 5) {
            count += 1
            sum &+= count
            return Parcel(producer: producer, number: count, census: census)
        }
        context.check(before + UInt64(accepted) == count, "more were asked for than accepted")
        if accepted > 0 { backoff = Backoff() } else { backoff.snooze() }
    }
    return (count, sum)
}

/// Takes parcels until the queue is closed and empty.
private func emptyRing(
    _ queue: Shared<BoundedMPMCQueue<Parcel>>, producerCount: Int, isDraining: Bool,
    _ context: StressContext
) -> Receipts {
    var receipts = Receipts(producerCount: producerCount)
    var backoff = Backoff()
    while true {  // Ends when the producers, which end at the deadline, have closed the queue.
        var count = 0
        if isDraining {
            count = queue.value.drain(max: 5) { receipts.note($0, in: context) }
        } else if let parcel = queue.value.tryPop() {
            receipts.note(parcel, in: context)
            count = 1
        }
        if count > 0 {
            backoff = Backoff()
        } else if queue.value.isDrained {
            return receipts
        } else {
            backoff.snooze()
        }
    }
}

/// A slot that never becomes free again survives any number of random runs and dies here.
private func checkQuiescentRing(capacity: Int, after seed: UInt64, _ context: StressContext) {
    let queue = Shared(BoundedMPMCQueue<UInt64>(capacity: capacity))
    ThreadTeam.run(count: 4) { thread in
        var random = SplitMix64(seed: seed, stream: thread)
        for _ in 0..<1_000 {
            if random.next() % 2 == 0 {
                _ = queue.value.tryPush(random.next())
            } else {
                _ = queue.value.tryPop()
            }
        }
    }
    let left = queue.value.count
    let drained = queue.value.drain(max: capacity) { _ in }
    context.check(left == drained, "the count said \(left), the drain found \(drained)")
    for number in 0..<UInt64(capacity) {
        context.check(queue.value.tryPush(number) == nil, "a slot is not free again")
    }
    context.check(queue.value.tryPush(0) != nil, "more than the capacity went in")
    context.check(queue.value.count == capacity, "a full queue does not count its capacity")
    for number in 0..<UInt64(capacity) {
        context.check(queue.value.tryPop() == number, "the final drain is out of order")
    }
    context.check(queue.value.isEmpty, "not empty after the final drain")
}

private func ringCloseScenario(_ context: StressContext) -> UInt64 {
    var operations: UInt64 = 0
    var round = 0
    while !context.isOver || round == 0 {
        let queue = Shared(BoundedMPMCQueue<Parcel>(capacity: 4))
        let census = ParcelCensus()
        let totals = Shared(Totals())
        let seed = context.seed &+ UInt64(round)
        let isDraining = round % 2 == 0
        ThreadTeam.run(count: 4) { thread in
            if thread < 2 {
                let pushed = pushIntoRing(queue, producer: thread, census, context) { false }
                totals.value.notePushed(count: pushed.count, sum: pushed.sum)
            } else if thread == 2 {
                totals.value.noteTaken(
                    emptyRing(queue, producerCount: 2, isDraining: isDraining, context))
            } else {
                pauseBriefly(seed: seed)
                context.check(queue.value.close(), "closed twice")
            }
        }
        context.check(census.alive == 0, "\(census.alive) parcels are left after close")
        operations &+= totals.value.compare(in: context)
        round += 1
    }
    return operations
}

private func pauseBriefly(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<(random.next() % 64) { millraceSpin() }
}

private func millraceSpin() {
    var backoff = Backoff()
    for _ in 0..<4 { backoff.spin() }
}

// MARK: - Inbox

private func inboxScenario(_ context: StressContext) -> UInt64 {
    let inbox = Shared(MPSCInbox<Parcel>(capacity: 16))
    let census = ParcelCensus()
    let totals = Shared(Totals())
    let wakes = Shared(Atomic<Int>(0))
    let producersLeft = Shared(Atomic<Int>(4))
    ThreadTeam.run(count: 5) { thread in
        if thread < 4 {
            pushIntoInbox(inbox, producer: thread, census, totals, wakes, context) {
                context.isOver
            }
            if producersLeft.value.subtract(1, ordering: .relaxed).newValue == 0 {
                inbox.value.close()
            }
        } else {
            emptyInbox(inbox, producerCount: 4, totals, wakes, context)
        }
    }
    context.check(census.alive == 0, "\(census.alive) parcels are left")
    context.check(
        wakes.value.load(ordering: .relaxed) == 0, "first pushes and non-empty drains differ")
    checkQuiescentInbox(seed: context.seed, context)
    return totals.value.compare(in: context)
}

private func pushIntoInbox(
    _ inbox: Shared<MPSCInbox<Parcel>>, producer: Int, _ census: ParcelCensus,
    _ totals: Shared<Totals>, _ wakes: Shared<Atomic<Int>>, _ context: StressContext,
    until isOver: () -> Bool
) {
    var (count, sum): (UInt64, UInt64) = (0, 0)
    var backoff = Backoff()
    while !isOver() {
        let parcel = Parcel(producer: producer, number: count + 1, census: census)
        let outcome = inbox.value.tryPush(parcel)
        if outcome.needsWake { wakes.value.add(1, ordering: .relaxed) }
        if let refused = outcome.takeRefused() {
            context.check(refused.number == count + 1, "another parcel was handed back")
            context.check(refused.isWhole, "a refused parcel has changed")
            if inbox.value.isClosed { break }
            backoff.snooze()
        } else {
            count += 1
            sum &+= count
            backoff = Backoff()
        }
    }
    totals.value.notePushed(count: count, sum: sum)
}

private func emptyInbox(
    _ inbox: Shared<MPSCInbox<Parcel>>, producerCount: Int, _ totals: Shared<Totals>,
    _ wakes: Shared<Atomic<Int>>, _ context: StressContext
) {
    var receipts = Receipts(producerCount: producerCount)
    var backoff = Backoff()
    while !inbox.value.isDrained {  // Ends: somebody closes the inbox.
        let count = inbox.value.drain { receipts.note($0, in: context) }
        if count > 0 {
            wakes.value.subtract(1, ordering: .relaxed)
            backoff = Backoff()
        } else {
            backoff.snooze()
        }
    }
    totals.value.noteTaken(receipts)
}

private func checkQuiescentInbox(seed: UInt64, _ context: StressContext) {
    let inbox = Shared(MPSCInbox<UInt64>(capacity: 7))
    ThreadTeam.run(count: 4) { thread in
        for number in 0..<1_000 as Range<UInt64> {
            if thread > 0 { _ = inbox.value.tryPush(number) } else { inbox.value.drain { _ in } }
        }
    }
    inbox.value.drain { _ in }
    for number in 0..<7 as Range<UInt64> {
        context.check(inbox.value.tryPush(number).isPushed, "a node is lost")
    }
    context.check(!inbox.value.tryPush(0).isPushed, "more than the capacity went in")
    var next: UInt64 = 0
    inbox.value.drain { number in
        context.check(number == next, "the final drain is out of order")
        next += 1
    }
    context.check(next == 7, "the final drain found \(next)")
}

private func inboxCloseScenario(_ context: StressContext) -> UInt64 {
    var operations: UInt64 = 0
    var round: UInt64 = 0
    while !context.isOver || round == 0 {
        let inbox = Shared(MPSCInbox<Parcel>(capacity: 4))
        let census = ParcelCensus()
        let totals = Shared(Totals())
        let wakes = Shared(Atomic<Int>(0))
        let seed = context.seed &+ round
        ThreadTeam.run(count: 4) { thread in
            if thread < 2 {
                pushIntoInbox(inbox, producer: thread, census, totals, wakes, context) { false }
            } else if thread == 2 {
                emptyInbox(inbox, producerCount: 2, totals, wakes, context)
            } else {
                pauseBriefly(seed: seed)
                context.check(inbox.value.close(), "closed twice")
            }
        }
        context.check(census.alive == 0, "\(census.alive) parcels are left after close")
        operations &+= totals.value.compare(in: context)
        #if Checks || DEBUG
            inbox.value.checkInvariants()
        #endif
        round &+= 1
    }
    return operations
}
