// SPDX-License-Identifier: MIT

import AtomicSupport
import Channels
import StressSupport
import Testing

@Suite("Rendezvous channel", .timeLimit(.minutes(20)))
struct RendezvousChannelTests {
    @Test("Two tries never meet; deadlines pass; the element comes back")
    func nobodyWaits() {
        // If this failed, an element would vanish into a channel that has no place for it.
        let ledger = LifetimeLedger()
        do {
            let channel = RendezvousChannel<Tracked>()
            let tried = parts(of: channel.trySend(ledger.makeTracked(1)))
            #expect(tried == (.wouldWait, 1))
            let nothing = payload(of: channel.tryReceive())
            #expect(nothing == nil)
            for deadline in [MonotonicInstant.past, .soon] {
                let late = parts(of: channel.blockingSend(ledger.makeTracked(2), until: deadline))
                #expect(late == (.timedOut, 2))
                let reason = receiveError(channel, deadline)
                #expect(reason == .timedOut)
            }
            channel.checkInvariants()
        }
        #expect(ledger.bornCount == 3)
        #expect(ledger.aliveCount == 0)
    }

    @Test("A send has ended if and only if a receiver has the element")
    func sendEndsWithReceive() {
        // If this failed, a sender would go on before anybody has its element.
        let channel = Shared(RendezvousChannel<UInt64>())
        let received = Shared(Sum())
        ThreadTeam.run(count: 2) { thread in
            if thread == 0 {
                for number in 1...2_000 {
                    let refusal = channel.value.blockingSend(UInt64(number), until: .farAway)
                    #expect(refusal == nil)
                    // The receiver adds before it asks for the next: at least all but one are in.
                    #expect(received.value.count >= number - 1)
                }
                channel.value.close()
            } else {
                while let number = try? channel.value.blockingReceive(until: .farAway) {
                    received.value.add(number)
                }
            }
        }
        #expect(received.value.value == 2_001_000)
        channel.value.checkInvariants()
    }

    @Test("Those who wait meet in order of arrival, also when one in the middle gives up")
    func order() async {
        // If this failed, a sender could starve, or an element be given to a task that has gone.
        let channel = Shared(RendezvousChannel<Int>())
        var senders: [Task<ChannelError?, Never>] = []
        for number in 0..<4 {
            senders.append(Task { await channel.value.send(number)?.reason })
            // Each is queued before the next comes: it alone is new.
            for _ in 0..<100 { await Task.yield() }
        }
        senders[1].cancel()
        #expect(await senders[1].value == .cancelled)
        for expected in [0, 2, 3] {
            let number = channel.value.tryReceive()
            #expect(number == expected)
            #expect(await senders[expected].value == nil)
        }
        let receiver = Task { try? await channel.value.receive() }
        #expect(await eventually { channel.value.trySend(9) == nil })
        #expect(await receiver.value == 9)
        channel.value.checkInvariants()
    }

    @Test("Close refuses those who wait and those who come, on both sides")
    func close() async {
        // If this failed, somebody would sleep on, or an element would be lost.
        let ledger = LifetimeLedger()
        do {
            let channel = Shared(RendezvousChannel<Tracked>())
            let sender = Task {
                parts(of: await channel.value.send(ledger.makeTracked(1)))
            }
            for _ in 0..<50 { await Task.yield() }
            #expect(channel.value.isClosed == false)
            let (first, second) = (channel.value.close(), channel.value.close())
            #expect(first && !second)
            #expect(await sender.value == (.closed, 1))
            let late = parts(of: await channel.value.send(ledger.makeTracked(2)))
            #expect(late == (.closed, 2))
            let tried = parts(of: channel.value.trySend(ledger.makeTracked(3)))
            #expect(tried == (.closed, 3))
            #expect(await received(channel) == .failure(.closed))

            let other = Shared(RendezvousChannel<Tracked>())
            let receiver = Task { await received(other) }
            for _ in 0..<50 { await Task.yield() }
            other.value.close()
            #expect(await receiver.value == .failure(.closed))
            other.value.checkInvariants()
            channel.value.checkInvariants()
        }
        #expect(ledger.aliveCount == 0)
    }

    @Test("A storm of cancellations: handed over or still the sender's, never neither")
    func cancellationStorm() async {
        // If this failed, an element would be lost, or be in two places.
        let ledger = LifetimeLedger()
        let channel = Shared(RendezvousChannel<Tracked>())
        let (sent, taken) = (Shared(Sum()), Shared(Sum()))
        var generator = SplitMix64(seed: 12)
        for number in 1...500 {
            let sender = Task {
                let refused = parts(
                    of: await channel.value.send(ledger.makeTracked(UInt64(number))))
                if refused.reason == nil { sent.value.add(UInt64(number)) }
                return refused.reason == nil || refused.payload == UInt64(number)
            }
            let receiver = Task {
                if case .success(let number) = await received(channel) { taken.value.add(number) }
            }
            for _ in 0..<Int.random(in: 0..<4, using: &generator) { await Task.yield() }
            let isSenderFirst = Bool.random(using: &generator)
            if isSenderFirst { sender.cancel() }
            receiver.cancel()
            for _ in 0..<Int.random(in: 0..<2, using: &generator) { await Task.yield() }
            sender.cancel()
            #expect(await sender.value)
            await receiver.value
        }
        #expect(sent.value.value == taken.value.value)
        #expect(sent.value.count == taken.value.count)
        #expect(ledger.aliveCount == 0)
        channel.value.checkInvariants()
    }

    @Test("Lives in the caller's memory, whatever was there")
    func storage() {
        // If this failed, the channel would need zeroed memory.
        let byteCount = RendezvousChannel<Int>.storageByteCount
        #expect(byteCount == CacheLine.byteCount)
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: byteCount, alignment: CacheLine.byteCount)
        defer { unsafe storage.deallocate() }  // SAFETY: allocated above, freed once.
        // SAFETY: in bounds.
        for index in 0..<byteCount { unsafe storage[index] = 0xA5 }
        // SAFETY: the storage outlives the channel.
        let channel = unsafe RendezvousChannel<Int>(storage: storage)
        let (isClosed, nothing) = (channel.isClosed, channel.tryReceive())
        #expect(!isClosed && nothing == nil)
        channel.checkInvariants()
    }

    private func receiveError(
        _ channel: borrowing RendezvousChannel<Tracked>, _ deadline: MonotonicInstant
    ) -> ChannelError? {
        do throws(ChannelError) {
            _ = try channel.blockingReceive(until: deadline)
            return nil
        } catch {
            return error
        }
    }
}

/// What a task receives: the payload of a living element, or why there is none.
private func received(
    _ channel: Shared<RendezvousChannel<Tracked>>
) async -> Result<UInt64, ChannelError> {
    do throws(ChannelError) {
        let element = try await channel.value.receive()
        return .success(element.payload)
    } catch {
        return .failure(error)
    }
}
