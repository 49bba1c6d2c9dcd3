// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import Channels
internal import StressSupport

/// Batches at one channel, with deadlines that nothing reaches.
struct ChannelBatches: Sendable {
    private let context: StressContext
    private let channel = Shared(BoundedChannel<Parcel>(capacity: 4))
    private let census = ParcelCensus()
    private let totals = Shared(Totals())
    private let sendersLeft = Shared(Atomic<Int>(2))

    init(_ context: StressContext) { self.context = context }

    func run() -> UInt64 {
        ThreadTeam.run(count: 4) { thread in
            if thread >= 2 { return receive() }
            send(as: thread)
            // Relaxed: the last sender only closes, which is what is being tested.
            if sendersLeft.value.subtract(1, ordering: .relaxed).newValue == 0 {
                channel.value.close()
            }
        }
        context.check(census.alive == 0, "\(census.alive) parcels are left")
        return totals.value.compare(in: context)
    }

    /// As many as there is room for; when there is none, one that waits.
    private func send(as sender: Int) {
        var generator = SplitMix64(seed: context.seed, stream: sender)
        var (count, sum): (UInt64, UInt64) = (0, 0)
        let next: () -> sending Parcel = {
            count += 1
            sum &+= count
            return Parcel(producer: sender, number: count, census: census)
        }
        while !context.isOver {
            let size = Int.random(in: 1...6, using: &generator)
            if channel.value.fill(max: size, next) > 0 { continue }
            let refusal = channel.value.blockingSend(next(), until: longEnough)
            context.check(refusal == nil, "a sender waited in vain")
        }
        totals.value.notePushed(count: count, sum: sum)
    }

    /// As many as there are; when there is none, one that waits. Until the end.
    private func receive() {
        var receipts = Receipts(producerCount: 2)
        while true {  // Ends behind the close.
            if channel.value.drain(max: 3, { receipts.note($0, in: context) }) > 0 { continue }
            do throws(ChannelError) {
                receipts.note(
                    try channel.value.blockingReceive(until: longEnough), in: context)
            } catch {
                context.check(error == .closed, "a receiver waited in vain")
                break
            }
        }
        totals.value.noteTaken(receipts)
    }
}
