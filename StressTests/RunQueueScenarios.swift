// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConcurrentQueues
internal import StressSupport

let runQueueScenarios: [Scenario] = [
    Scenario(
        name: "run-queue-3t", room: "ConcurrentQueues", threads: 3,
        summary: "3 push, pop, drain and steal from each other: each parcel taken once",
        run: { runQueueScenario($0, capacities: [8, 8, 8]) }),
    Scenario(
        name: "run-queue-small", room: "ConcurrentQueues", threads: 3,
        summary: "the same with rings of 1, 2 and 64 slots",
        run: { runQueueScenario($0, capacities: [1, 2, 64]) }),
]

private func runQueueScenario(_ context: StressContext, capacities: [Int]) -> UInt64 {
    let rings = capacities.map { Shared(StealingRing<Parcel>(capacity: $0)) }
    let census = ParcelCensus()
    let pushed = Shared(Takings())
    let taken = Shared(Takings())
    ThreadTeam.run(count: rings.count) { thread in
        var worker = RunQueueWorker(number: thread, rings: rings, census: census, context: context)
        while !context.isOver { worker.turn() }
        pushed.value.add(count: worker.made, sum: worker.made &* (worker.made &+ 1) / 2)
        taken.value.add(count: worker.count, sum: worker.sum)
    }
    for ring in rings {
        while let parcel = ring.value.tryPop() { taken.value.add(count: 1, sum: parcel.number) }
    }
    let counts = (
        pushed.value.count.load(ordering: .relaxed), taken.value.count.load(ordering: .relaxed)
    )
    context.check(counts.0 == counts.1, "\(counts.0) pushed, \(counts.1) taken")
    let sums = (
        pushed.value.sum.load(ordering: .relaxed), taken.value.sum.load(ordering: .relaxed)
    )
    context.check(sums.0 == sums.1, "the sums differ")
    context.check(census.alive == 0, "\(census.alive) parcels are left")
    return counts.0 &+ counts.1
}

/// The owner of one of several rings.
private struct RunQueueWorker {
    let number: Int
    let rings: [Shared<StealingRing<Parcel>>]
    let census: ParcelCensus
    let context: StressContext
    var random: SplitMix64
    var made: UInt64 = 0
    var count: UInt64 = 0
    var sum: UInt64 = 0

    init(
        number: Int, rings: [Shared<StealingRing<Parcel>>], census: ParcelCensus,
        context: StressContext
    ) {
        self.number = number
        self.rings = rings
        self.census = census
        self.context = context
        random = SplitMix64(seed: context.seed, stream: number)
    }

    /// Pushes a few, takes a few, steals once.
    mutating func turn() {
        let own = rings[number]
        for _ in 0..<(random.next() % 6) {
            let parcel = Parcel(producer: number, number: made + 1, census: census)
            guard own.value.tryPush(parcel) == nil else { break }
            made += 1
        }
        for _ in 0..<(random.next() % 4) {
            guard let parcel = own.value.tryPop() else { break }
            note(parcel)
        }
        if random.next() % 8 == 0 { own.value.drain(max: 4) { note($0) } }
        let victim = rings[(number + 1 + Int(random.next() % 2)) % rings.count]
        if let parcel = victim.value.trySteal(into: own.value) { note(parcel) }
    }

    mutating func note(_ parcel: borrowing Parcel) {
        context.check(parcel.isWhole, "a parcel's contents are not what its producer wrote")
        count &+= 1
        sum &+= parcel.number
    }
}
