// SPDX-License-Identifier: MIT

import AtomicSupport
import Channels
import StressSupport
import Testing
import WaitPrimitives

@Suite("Selector", .timeLimit(.minutes(20)))
struct SelectorTests {
    private enum Found: Equatable {
        case number(Int)
        case text(String)
        case event
        case token
    }

    @Test("Sources of four kinds give what they have; one that has nothing is passed by")
    func kinds() {
        // If this failed, a source would be taken from that has nothing, or not from one that has.
        let numbers = Shared(BoundedChannel<Int>(capacity: 2))
        let texts = Shared(RendezvousChannel<String>())
        let event = Shared(ManualResetEvent())
        let tokens = Shared(EventCount())
        let stock = Shared(Sum())
        var selector = Selector<Found>([
            .receive(from: numbers) { .number($0) },
            .receive(from: texts) { .text($0) },
            .whenSet(event) { .event },
            .when(tokens) { stock.value.count > 0 ? .token : nil },
        ])
        let nothing = selector.tryNext()
        #expect(nothing == nil)
        let late = blocking(&selector, .soon)
        #expect(late == .failure(.timedOut))
        _ = numbers.value.trySend(7)
        let number = blocking(&selector, .farAway)
        #expect(number == .success(.number(7)))
        event.value.set()
        let set = selector.tryNext()
        #expect(set == .event)
        event.value.reset()
        ThreadTeam.run(count: 1) { _ in
            let refusal = texts.value.blockingSend("?", until: .past)  // Nobody waits.
            #expect(refusal?.reason == .timedOut)
        }
        stock.value.add(1)
        tokens.value.notifyOne()
        let token = blocking(&selector, .past)
        #expect(token == .success(.token))
        #expect(tokens.value.waiterCount == 0)
    }

    @Test("Sources that always have something are taken in turn")
    func fairness() {
        // If this failed, a busy source would starve the others.
        let channels = (0..<3).map { _ in Shared(BoundedChannel<Int>(capacity: 8)) }
        for (index, channel) in channels.enumerated() {
            for _ in 0..<8 { _ = channel.value.trySend(index) }
        }
        var selector = Selector<Int>(channels.map { .receive(from: $0) { $0 } })
        var order: [Int] = []
        while let index = selector.tryNext() { order.append(index) }
        #expect(order == (0..<8).flatMap { _ in [0, 1, 2] })
    }

    @Test("Closed sources are drained, then passed over; when all are, that is the end")
    func ends() {
        // If this failed, the end would hide an element, or never come.
        let bounded = Shared(BoundedChannel<Int>(capacity: 2))
        let meeting = Shared(RendezvousChannel<Int>())
        _ = bounded.value.trySend(1)
        bounded.value.close()
        var selector = Selector<Int>([
            .receive(from: bounded) { $0 }, .receive(from: meeting) { $0 },
        ])
        let first = blocking(&selector, .farAway)
        #expect(first == .success(1))
        let waiting = blocking(&selector, .soon)
        #expect(waiting == .failure(.timedOut))
        let isEarly = selector.isOver
        #expect(!isEarly)
        meeting.value.close()
        let end = blocking(&selector, .farAway)
        #expect(end == .failure(.closed))
        let isOver = selector.isOver
        #expect(isOver)
    }

    @Test("Threads that sleep in a selector are woken by any source, to the end")
    func threads() {
        // If this failed, a wake-up of one of the sources would be lost.
        let bounded = Shared(BoundedChannel<UInt64>(capacity: 2))
        let meeting = Shared(RendezvousChannel<UInt64>())
        let sum = Shared(Sum())
        ThreadTeam.run(count: 4) { thread in
            switch thread {
            case 0:
                for number in 1...1_000 {
                    #expect(bounded.value.blockingSend(UInt64(number), until: .farAway) == nil)
                }
                bounded.value.close()
            case 1:
                for number in 1...1_000 {
                    #expect(meeting.value.blockingSend(UInt64(number), until: .farAway) == nil)
                }
                meeting.value.close()
            default:
                var selector = Selector<UInt64>([
                    .receive(from: bounded) { $0 }, .receive(from: meeting) { $0 },
                ])
                while case .success(let number) = blocking(&selector, .farAway) {
                    sum.value.add(number)
                }
            }
        }
        #expect(sum.value.count == 2_000)
        #expect(sum.value.value == 1_001_000)
        bounded.value.checkInvariants()
        meeting.value.checkInvariants()
    }

    @Test("Tasks wait, and their cancellation loses neither an element nor another's wake-up")
    func cancellationStorm() async {
        // If this failed, an item would be taken by a select that says it was cancelled.
        let ledger = LifetimeLedger()
        let bounded = Shared(BoundedChannel<Tracked>(capacity: 2))
        let meeting = Shared(RendezvousChannel<Tracked>())
        let (sent, taken) = (Shared(Sum()), Shared(Sum()))
        let patient = Task { await take(bounded, meeting, turns: .max, taken) }
        var generator = SplitMix64(seed: 13)
        for number in 1...300 {
            let senders = Task {
                let element = ledger.makeTracked(UInt64(number))
                let refused =
                    number % 2 == 0
                    ? parts(of: await bounded.value.send(element))
                    : parts(of: await meeting.value.send(element))
                if refused.reason == nil { sent.value.add(UInt64(number)) }
                return refused.reason == nil || refused.payload == UInt64(number)
            }
            let selecting = Task { await take(bounded, meeting, turns: 1, taken) }
            for _ in 0..<Int.random(in: 0..<5, using: &generator) { await Task.yield() }
            selecting.cancel()
            if Bool.random(using: &generator) { senders.cancel() }
            #expect(await senders.value)
            await selecting.value
        }
        bounded.value.close()
        meeting.value.close()
        await patient.value
        #expect(sent.value.count == taken.value.count)
        #expect(sent.value.value == taken.value.value)
        #expect(ledger.aliveCount == 0)
        bounded.value.checkInvariants()
        meeting.value.checkInvariants()
    }
}

private func blocking<Output>(
    _ selector: inout Selector<Output>, _ deadline: MonotonicInstant
) -> Result<Output, ChannelError> {
    do throws(ChannelError) {
        return .success(try selector.blockingNext(until: deadline))
    } catch {
        return .failure(error)
    }
}

/// Selects so often, or to the end.
private func take(
    _ bounded: Shared<BoundedChannel<Tracked>>, _ meeting: Shared<RendezvousChannel<Tracked>>,
    turns: Int, _ taken: Shared<Sum>
) async {
    var selector = Selector<Tracked>([
        .receive(from: bounded) { $0 }, .receive(from: meeting) { $0 },
    ])
    var left = turns
    while left > 0, let element = try? await selector.next() {
        taken.value.add(element.payload)
        left -= 1
    }
}
