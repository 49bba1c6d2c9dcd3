// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport

/// A queue of parcels for any producers and consumers, by what can be done with it.
struct ParcelQueue: Sendable {
    /// Answers the parcel if it was refused.
    let tryPush: @Sendable (consuming Parcel) -> Parcel?
    let tryPop: @Sendable () -> Parcel?
    let close: @Sendable () -> Bool
    let isClosed: @Sendable () -> Bool
    let isDrained: @Sendable () -> Bool
}

/// Producers and consumers at one queue, which is closed at the end or at a random moment. What was
/// accepted must be what was taken, and each producer's parcels come in order to each consumer.
struct QueueTraffic: Sendable {
    let queue: ParcelQueue
    let producerCount: Int
    let consumerCount: Int
    let census = ParcelCensus()

    private let pushed = Shared(Atomic<UInt64>(0))
    private let pushedSum = Shared(Atomic<UInt64>(0))
    private let taken = Shared(Atomic<UInt64>(0))
    private let takenSum = Shared(Atomic<UInt64>(0))

    init(_ queue: ParcelQueue, producerCount: Int, consumerCount: Int) {
        self.queue = queue
        self.producerCount = producerCount
        self.consumerCount = consumerCount
    }

    /// Runs until the deadline; the last producer closes.
    func runToDeadline(_ context: StressContext) -> UInt64 {
        let producersLeft = Shared(Atomic<Int>(producerCount))
        ThreadTeam.run(count: producerCount + consumerCount) { thread in
            if thread < producerCount {
                push(as: thread, context) { context.isOver }
                // Relaxed: the last producer only closes, and close itself is what is being tested.
                if producersLeft.value.subtract(1, ordering: .relaxed).newValue == 0 {
                    _ = queue.close()
                }
            } else {
                take(context)
            }
        }
        return compare(context)
    }

    /// Runs until one more thread closes, soon, while the producers push.
    func runToClose(seed: UInt64, _ context: StressContext) -> UInt64 {
        ThreadTeam.run(count: producerCount + consumerCount + 1) { thread in
            if thread < producerCount {
                push(as: thread, context) { false }
            } else if thread < producerCount + consumerCount {
                take(context)
            } else {
                var random = SplitMix64(seed: seed)
                var backoff = Backoff()
                for _ in 0..<(random.next() % 256) { backoff.spin() }
                context.check(queue.close(), "closed twice")
            }
        }
        return compare(context)
    }

    private func push(as producer: Int, _ context: StressContext, until isOver: () -> Bool) {
        var (count, sum): (UInt64, UInt64) = (0, 0)
        var backoff = Backoff()
        while !isOver() {
            let parcel = Parcel(producer: producer, number: count + 1, census: census)
            if let refused = queue.tryPush(parcel) {
                context.check(refused.number == count + 1, "another parcel was handed back")
                context.check(refused.isWhole, "a refused parcel has changed")
                if queue.isClosed() { break }
                backoff.snooze()
            } else {
                count += 1
                sum &+= count
                backoff = Backoff()
            }
        }
        pushed.value.wrappingAdd(count, ordering: .relaxed)
        pushedSum.value.wrappingAdd(sum, ordering: .relaxed)
    }

    private func take(_ context: StressContext) {
        var receipts = Receipts(producerCount: producerCount)
        var backoff = Backoff()
        while true {  // Ends when somebody has closed the queue.
            if let parcel = queue.tryPop() {
                receipts.note(parcel, in: context)
                backoff = Backoff()
            } else if queue.isDrained() {
                break
            } else {
                backoff.snooze()
            }
        }
        taken.value.wrappingAdd(receipts.count, ordering: .relaxed)
        takenSum.value.wrappingAdd(receipts.sum, ordering: .relaxed)
    }

    private func compare(_ context: StressContext) -> UInt64 {
        let counts = (
            pushed.value.load(ordering: .relaxed), taken.value.load(ordering: .relaxed)
        )
        let sums = (
            pushedSum.value.load(ordering: .relaxed), takenSum.value.load(ordering: .relaxed)
        )
        context.check(counts.0 == counts.1, "\(counts.0) pushed, \(counts.1) taken")
        context.check(sums.0 == sums.1, "the sums differ")
        context.check(queue.isDrained(), "the queue is not drained at the end")
        context.check(census.alive == 0, "\(census.alive) parcels are left")
        return counts.0 &+ counts.1
    }
}
