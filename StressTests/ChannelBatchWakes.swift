// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import Channels
internal import StressSupport
internal import WaitPrimitives

/// One batch wakes two who sleep, again and again: each of them does one thing in a round, so that
/// neither can do the other's.
struct ChannelBatchWakes: Sendable {
    private let context: StressContext
    private let channel = Shared(BoundedChannel<UInt64>(capacity: 2))
    private let barrier = Shared(CyclicBarrier(memberCount: 3))
    /// Written by the first thread before a barrier, read by the others behind it.
    private let isLast = Shared(Atomic<Bool>(false))

    init(_ context: StressContext) { self.context = context }

    func run() -> UInt64 {
        let rounds = Shared(Atomic<UInt64>(0))
        ThreadTeam.run(count: 3) { thread in
            if thread == 0 { return lead(rounds) }
            repeat { follow() } while !isLast.value.load(ordering: .relaxed)
        }
        context.check(channel.value.isEmpty, "something is left")
        return rounds.value.load(ordering: .relaxed)
    }

    /// Two elements for two who sleep; then two places, in a channel that is full.
    private func lead(_ rounds: borrowing Shared<Atomic<UInt64>>) {
        var generator = SplitMix64(seed: context.seed)
        var isOver = false
        while !isOver {
            waitForSleepers(2, &generator)
            let sent = channel.value.fill(max: 2) { 1 }
            context.check(sent == 2, "an empty channel took \(sent) of two")
            meet()
            channel.value.fill(max: 2) { 2 }
            meet()
            waitForSleepers(2, &generator)
            let taken = channel.value.drain(max: 2) { context.check($0 == 2, "out of order") }
            context.check(taken == 2, "a full channel gave \(taken) of two")
            isOver = context.isOver
            isLast.value.store(isOver, ordering: .relaxed)
            meet()
            channel.value.drain(max: 2) { context.check($0 == 3, "out of order") }
            rounds.value.wrappingAdd(1, ordering: .relaxed)
            meet()
        }
    }

    private func follow() {
        let element = try? channel.value.blockingReceive(until: longEnough)
        context.check(element == 1, "a receiver waited in vain")
        meet()
        meet()
        let refusal = channel.value.blockingSend(3, until: longEnough)
        context.check(refusal == nil, "a sender waited in vain")
        meet()
        meet()
    }

    /// Three times in four until so many are announced, which they will be.
    private func waitForSleepers(_ count: Int, _ generator: inout SplitMix64) {
        if generator.next() % 4 == 0 { return }
        var backoff = Backoff()
        while channel.value.waiterCount < count { backoff.snooze() }
    }

    private func meet() {
        let role = barrier.value.blockingWait(until: longEnough)
        context.check(role != nil, "somebody did not come")
    }
}
