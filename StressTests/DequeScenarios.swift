// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import StressSupport

let dequeScenarios: [Scenario] = [
    Scenario(
        name: "deque-3t", room: "ConcurrentQueues", threads: 4,
        summary: "1 pushes and pops, 3 steal: each parcel taken once, oldest first by each thief",
        run: { dequeScenario($0, thiefCount: 3, capacity: 8) }),
    Scenario(
        name: "deque-last", room: "ConcurrentQueues", threads: 2,
        summary: "1 pushes and pops, 1 steals, in one slot: the race for the last element",
        run: { dequeScenario($0, thiefCount: 1, capacity: 1) }),
    Scenario(
        name: "deque-grow", room: "ConcurrentQueues", threads: 4,
        summary: "1 pushes and pops, 3 steal, in deques that grow from one slot to 256",
        run: { context in
            var operations: UInt64 = 0
            while !context.isOver {  // Ends with the time.
                operations &+= dequeScenario(
                    context, thiefCount: 3, capacity: 1, capacityMax: 256, pushesMax: 3000)
            }
            return operations
        }),
]

/// What all threads of a scenario have taken, added when each ends.
struct Takings: ~Copyable, Sendable {
    // Relaxed: read after the threads were joined.
    let count = Atomic<UInt64>(0)
    let sum = Atomic<UInt64>(0)

    func add(count: UInt64, sum: UInt64) {
        self.count.wrappingAdd(count, ordering: .relaxed)
        self.sum.wrappingAdd(sum, ordering: .relaxed)
    }
}

private func dequeScenario(
    _ context: StressContext, thiefCount: Int, capacity: Int, capacityMax: Int? = nil,
    pushesMax: UInt64 = .max
) -> UInt64 {
    let deque = Shared(
        WorkStealingDeque<Parcel>(capacity: capacity, capacityMax: capacityMax ?? capacity))
    let census = ParcelCensus()
    let takings = Shared(Takings())
    let isOver = Shared(Atomic<Bool>(false))
    let made = Shared(Atomic<UInt64>(0))
    ThreadTeam.run(count: 1 + thiefCount) { thread in
        if thread == 0 {
            made.value.store(
                pushAndPop(deque, census, takings, context, pushesMax), ordering: .relaxed)
            isOver.value.store(true, ordering: .relaxed)
        } else {
            var receipts = Receipts(producerCount: 1)
            var backoff = Backoff()
            while !isOver.value.load(ordering: .relaxed) {  // Ends: the owner sees the deadline.
                if let parcel = deque.value.trySteal() {
                    receipts.note(parcel, in: context)
                    backoff = Backoff()
                } else {
                    backoff.snooze()
                }
            }
            takings.value.add(count: receipts.count, sum: receipts.sum)
        }
    }
    let pushed = made.value.load(ordering: .relaxed)
    let taken = takings.value.count.load(ordering: .relaxed)
    context.check(pushed == taken, "\(pushed) pushed, \(taken) taken")
    let sum = takings.value.sum.load(ordering: .relaxed)
    context.check(sum == pushed &* (pushed &+ 1) / 2, "the sums differ")
    context.check(census.alive == 0, "\(census.alive) parcels are left")
    #if Checks || DEBUG
        deque.value.checkInvariants()
    #endif
    return pushed &+ taken
}

/// The owner's part: pushes and pops at random until the time is up or so much is pushed, then pops
/// what is left. Returns how many it pushed.
private func pushAndPop(
    _ deque: Shared<WorkStealingDeque<Parcel>>, _ census: ParcelCensus,
    _ takings: Shared<Takings>, _ context: StressContext, _ pushesMax: UInt64
) -> UInt64 {
    var random = SplitMix64(seed: context.seed)
    var made: UInt64 = 0
    var (count, sum): (UInt64, UInt64) = (0, 0)
    func pop() -> Bool {
        guard let parcel = deque.value.tryPop() else { return false }
        context.check(parcel.isWhole, "a parcel's contents are not what the owner wrote")
        count &+= 1
        sum &+= parcel.number
        return true
    }
    while !context.isOver, made < pushesMax {
        for _ in 0..<(random.next() % 8) {
            let refused = deque.value.tryPush(
                Parcel(producer: 0, number: made + 1, census: census))
            if refused != nil { break }
            made += 1
        }
        for _ in 0..<(random.next() % 4) where !pop() { break }
    }
    while pop() {}  // Ends: nobody pushes any more.
    takings.value.add(count: count, sum: sum)
    return made
}
