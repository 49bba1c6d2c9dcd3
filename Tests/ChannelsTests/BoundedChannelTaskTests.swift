// SPDX-License-Identifier: MIT

import AtomicSupport
import Channels
import StressSupport
import Testing

@Suite("Bounded channel, tasks", .timeLimit(.minutes(20)))
struct BoundedChannelTaskTests {
    @Test("Tasks send and receive beside threads, to the end")
    func tasksBesideThreads() async {
        // If this failed, one kind of waiter would not wake the other.
        let channel = Shared(BoundedChannel<UInt64>(capacity: 2))
        let sum = Shared(Sum())
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    while let number = try? await channel.value.receive() { sum.value.add(number) }
                }
            }
            await withTaskGroup(of: Void.self) { senders in
                for _ in 0..<3 {
                    senders.addTask {
                        for number in 1...300 {
                            let refusal = await channel.value.send(UInt64(number))
                            #expect(refusal == nil)
                        }
                    }
                }
                await ThreadTeam.run(count: 1) { _ in
                    for number in 1...300 {
                        let refusal = channel.value.blockingSend(UInt64(number), until: .farAway)
                        #expect(refusal == nil)
                    }
                }
            }
            channel.value.close()
        }
        #expect(sum.value.count == 1_200)
        #expect(sum.value.value == 4 * 45_150)
        channel.value.checkInvariants()
    }

    @Test("A cancelled sender has its element back, a cancelled receiver has taken none")
    func cancellation() async {
        // If this failed, an element would go with a cancelled task.
        let ledger = LifetimeLedger()
        do {
            let channel = Shared(BoundedChannel<Tracked>(capacity: 2))
            let receiver = Task { await received(channel) }
            for _ in 0..<50 { await Task.yield() }
            receiver.cancel()
            #expect(await receiver.value == .failure(.cancelled))
            for number in 1...2 { _ = channel.value.trySend(ledger.makeTracked(UInt64(number))) }
            let sender = Task {
                return parts(of: await channel.value.send(ledger.makeTracked(3)))
            }
            for _ in 0..<50 { await Task.yield() }
            sender.cancel()
            #expect(await sender.value == (.cancelled, 3))
            #expect(ledger.aliveCount == 2)
            let late = Task {
                while !Task.isCancelled { await Task.yield() }
                return await received(channel)
            }
            late.cancel()
            #expect(await late.value == .success(1))  // What can be done at once is done.
            channel.value.close()
            #expect(await received(channel) == .success(2))
            #expect(await received(channel) == .failure(.closed))
            let refused = parts(of: await channel.value.send(ledger.makeTracked(4)))
            #expect(refused == (.closed, 4))
            channel.value.checkInvariants()
        }
        #expect(ledger.aliveCount == 0)
    }

    @Test("A storm of cancellations on both sides loses neither an element nor a wake-up")
    func cancellationStorm() async {
        // If this failed, an element would vanish, or the patient receiver would sleep for ever.
        let ledger = LifetimeLedger()
        let channel = Shared(BoundedChannel<Tracked>(capacity: 2))
        let (sent, taken) = (Shared(Sum()), Shared(Sum()))
        let patient = Task {
            while case .success(let number) = await received(channel) { taken.value.add(number) }
        }
        var generator = SplitMix64(seed: 11)
        for number in 1...400 {
            let sender = Task {
                let refusal = await channel.value.send(ledger.makeTracked(UInt64(number)))
                if refusal == nil { sent.value.add(UInt64(number)) }
            }
            let receiver = Task {
                if case .success(let number) = await received(channel) { taken.value.add(number) }
            }
            for _ in 0..<Int.random(in: 0..<4, using: &generator) { await Task.yield() }
            if Bool.random(using: &generator) { sender.cancel() }
            receiver.cancel()
            await sender.value
            await receiver.value
        }
        channel.value.close()
        await patient.value
        #expect(sent.value.value == taken.value.value)
        #expect(sent.value.count == taken.value.count)
        #expect(ledger.aliveCount == 0)
        channel.value.checkInvariants()
    }
}

/// What a task receives: the payload of a living element, or why there is none.
private func received(
    _ channel: Shared<BoundedChannel<Tracked>>
) async -> Result<UInt64, ChannelError> {
    do throws(ChannelError) {
        let element = try await channel.value.receive()
        return .success(element.payload)
    } catch {
        return .failure(error)
    }
}
