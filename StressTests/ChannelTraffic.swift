// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import Channels
internal import StressSupport
internal import WaitPrimitives

/// A channel of parcels, by what can be done with it.
struct ParcelChannel: Sendable {
    typealias Outcome = SendRefusal<Parcel>?

    let blockingSend: @Sendable (consuming sending Parcel, MonotonicInstant) -> sending Outcome
    let send: @Sendable (consuming sending Parcel) async -> sending Outcome
    let blockingReceive: @Sendable (MonotonicInstant) throws(ChannelError) -> Parcel
    let receive: @Sendable () async throws(ChannelError) -> Parcel
    let close: @Sendable () -> Void
    /// Whether a sender's parcels come in order to each receiver.
    var keepsOrder = true
}

/// Senders and receivers at one channel. What was accepted must be what was taken; what was refused
/// must come back whole; and nobody may wait in vain.
struct ChannelTraffic: Sendable {
    let channel: ParcelChannel
    let context: StressContext

    private let totals = Shared(Totals())
    private let census = ParcelCensus()

    init(_ channel: ParcelChannel, _ context: StressContext) {
        self.channel = channel
        self.context = context
    }

    // MARK: - Runs

    /// Two threads send, two receive, with deadlines; the last sender closes.
    func runToDeadline() -> UInt64 {
        let sendersLeft = Shared(Atomic<Int>(2))
        ThreadTeam.run(count: 4) { thread in
            if thread >= 2 { return receive(as: thread) }
            send(as: thread) { context.isOver }
            // Relaxed: the last sender only closes, which is what is being tested.
            if sendersLeft.value.subtract(1, ordering: .relaxed).newValue == 0 { channel.close() }
        }
        return compare()
    }

    /// The same, and a fifth thread closes soon.
    func runToClose(after spinCount: Int) -> UInt64 {
        ThreadTeam.run(count: 5) { thread in
            switch thread {
            case 0, 1: send(as: thread) { false }
            case 2, 3: receive(as: thread)
            default:
                var backoff = Backoff()
                for _ in 0..<spinCount { backoff.snooze() }
                channel.close()
            }
        }
        return compare()
    }

    /// Four tasks that start tasks which send or receive one parcel and are cancelled, beside a
    /// thread that sends and one that receives to the end.
    func runStorm() -> UInt64 {
        let storm = Shared(WaitGroup())
        storm.value.add(4)
        for stream in 0..<4 {
            Task.detached {
                await rage(stream)
                storm.value.done()
            }
        }
        ThreadTeam.run(count: 2) { thread in
            if thread == 1 { return receiveToEnd() }
            send(as: 4) { context.isOver }
            context.check(storm.value.blockingWait(until: longEnough), "a task waited in vain")
            channel.close()
        }
        return compare()
    }

    private func rage(_ stream: Int) async {
        var generator = SplitMix64(seed: context.seed, stream: 10 + stream)
        var number: UInt64 = 0
        while !context.isOver {
            number += 1
            let next = number
            let task = Task.detached {
                if stream < 2 { await sendOne(as: stream, next) } else { await receiveOne() }
            }
            let yieldCount = Int.random(in: 0..<4, using: &generator)
            for _ in 0..<yieldCount { await Task.yield() }
            task.cancel()
            await task.value
        }
    }

    // MARK: - Threads

    /// A deadline up to 30 µs away, or, half the time, one that nothing that works reaches.
    private func patience(_ generator: inout SplitMix64) -> MonotonicInstant {
        if Bool.random(using: &generator) { return longEnough }
        return .now.advanced(byNanoseconds: UInt64.random(in: 0..<30_000, using: &generator))
    }

    /// Sends until told to end or refused for good.
    private func send(as sender: Int, until isOver: () -> Bool) {
        var generator = SplitMix64(seed: context.seed, stream: sender)
        var (count, sum): (UInt64, UInt64) = (0, 0)
        while !isOver() {
            let parcel = Parcel(producer: sender, number: count + 1, census: census)
            let deadline = patience(&generator)
            guard let refusal = channel.blockingSend(parcel, deadline) else {
                count += 1
                sum &+= count
                continue
            }
            checkRefused(refusal.element, count + 1)
            context.check(deadline <= .now || refusal.reason == .closed, "gave up too early")
            if refusal.reason == .closed { break }
        }
        noteSent(count, sum: sum)
    }

    /// Receives, impatiently, until the channel is closed and empty.
    private func receive(as receiver: Int) {
        var generator = SplitMix64(seed: context.seed, stream: 100 + receiver)
        var receipts = Receipts(producerCount: 2)
        while true {  // Ends behind the close.
            let deadline = patience(&generator)
            do throws(ChannelError) {
                let parcel = try channel.blockingReceive(deadline)
                if channel.keepsOrder { receipts.note(parcel, in: context) } else { note(parcel) }
            } catch {
                context.check(deadline <= .now || error == .closed, "gave up too early")
                if error == .closed { break }
            }
        }
        noteTaken(receipts.count, sum: receipts.sum)
    }

    /// Receives, patiently, until the channel is closed and empty.
    private func receiveToEnd() {
        while true {  // Ends behind the close.
            do throws(ChannelError) {
                note(try channel.blockingReceive(longEnough))
            } catch {
                context.check(error == .closed, "a thread waited in vain")
                return
            }
        }
    }

    // MARK: - Tasks

    private func sendOne(as sender: Int, _ number: UInt64) async {
        let parcel = Parcel(producer: sender, number: number, census: census)
        guard let refusal = await channel.send(parcel) else { return noteSent(1, sum: number) }
        context.check(refusal.reason == .cancelled, "refused for no reason")
        checkRefused(refusal.element, number)
    }

    private func receiveOne() async {
        do throws(ChannelError) {
            note(try await channel.receive())
        } catch {
            context.check(error == .cancelled, "an end before the end")
        }
    }

    // MARK: - Balance

    private func checkRefused(_ parcel: borrowing Parcel, _ number: UInt64) {
        context.check(parcel.number == number, "another parcel was handed back")
        context.check(parcel.isWhole, "a refused parcel has changed")
    }

    private func note(_ parcel: borrowing Parcel) {
        context.check(parcel.isWhole, "a parcel's contents are not what its sender wrote")
        noteTaken(1, sum: parcel.number)
    }

    private func noteSent(_ count: UInt64, sum: UInt64) {
        totals.value.notePushed(count: count, sum: sum)
    }

    private func noteTaken(_ count: UInt64, sum: UInt64) {
        totals.value.noteTaken(count: count, sum: sum)
    }

    private func compare() -> UInt64 {
        context.check(census.alive == 0, "\(census.alive) parcels are left")
        return totals.value.compare(in: context)
    }
}
