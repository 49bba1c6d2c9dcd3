// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport
internal import WaitPrimitives

let conditionScenarios: [Scenario] = [
    Scenario(
        name: "condition-buffer", room: "WaitPrimitives", threads: 5,
        summary: "parcels through a buffer of two: threads, an impatient one, a task; none is lost",
        run: conditionBuffer)
]

/// A buffer of two places, with what its conditions look at.
private struct Buffer: ~Copyable {
    private var first: Parcel?
    private var second: Parcel?

    var isEmpty: Bool { first == nil }
    var isFull: Bool { second != nil }

    mutating func append(_ parcel: consuming Parcel, in context: StressContext) {
        context.check(!isFull, "the condition did not hold")
        if isEmpty { first = consume parcel } else { second = consume parcel }
    }

    mutating func removeFirst() -> Parcel? {
        let parcel = first.take()
        first = second.take()
        return parcel
    }
}

private final class Market: Sendable {
    let buffer = FairLock(Buffer())
    let notEmpty = ConditionVariable()
    let notFull = ConditionVariable()
    let census = ParcelCensus()
    let sent = Atomic<UInt64>(0)
    let received = Atomic<UInt64>(0)
    let isOver = Atomic(false)
}

private func conditionBuffer(_ context: StressContext) -> UInt64 {
    let market = Market()
    let running = Shared(WaitGroup())
    let census = market.census
    running.value.add(1)
    Task.detached {
        await receiveAsTask(from: market, context)
        running.value.done()
    }
    let producing = Shared(WaitGroup())
    producing.value.add(2)
    ThreadTeam.run(count: 4) { thread in
        var generator = SplitMix64(seed: context.seed, stream: thread)
        if thread >= 2 { return receive(thread, from: market, &generator, context) }
        var number: UInt64 = 0
        while !context.isOver {
            number += 1
            send(Parcel(producer: thread, number: number, census: census), to: market, context)
        }
        producing.value.done()
        if thread == 0 { end(market, producing.value, running.value, context) }
    }
    let sent = market.sent.load(ordering: .relaxed)
    context.check(sent == market.received.load(ordering: .relaxed), "a parcel is lost")
    context.check(census.alive == 0, "a parcel is leaked or was destroyed twice")
    return sent
}

private func send(
    _ parcel: consuming Parcel, to market: Market, _ context: StressContext
) {
    var parcel: Parcel? = consume parcel
    let isSent: Void? = market.buffer.withLock(
        on: market.notFull, when: { !$0.isFull }, until: longEnough
    ) { buffer in
        if let parcel = parcel.take() { buffer.append(parcel, in: context) }
    }
    context.check(isSent != nil, "a producer waited in vain")
    market.sent.add(1, ordering: .relaxed)
    market.notEmpty.signal()
}

/// Consumers end when all is sent and received; the last parcels are behind the flag.
private func end(
    _ market: Market, _ producing: borrowing WaitGroup, _ running: borrowing WaitGroup,
    _ context: StressContext
) {
    context.check(producing.blockingWait(until: longEnough), "a producer hangs")
    let isEmpty: Void? = market.buffer.withLock(
        on: market.notFull, when: { $0.isEmpty }, until: longEnough
    ) { _ in market.isOver.store(true, ordering: .relaxed) }
    context.check(isEmpty != nil, "a parcel is left and nobody takes it")
    market.isOver.store(true, ordering: .relaxed)
    market.notEmpty.broadcast()
    context.check(running.blockingWait(until: longEnough), "a task waited in vain")
}

private func take(
    _ buffer: inout Buffer, _ market: Market, _ context: StressContext
) {
    guard let parcel = buffer.removeFirst() else { return }
    context.check(parcel.isWhole, "a parcel's contents are not what its producer wrote")
    market.received.add(1, ordering: .relaxed)
    market.notFull.broadcast()
}

private func receive(
    _ thread: Int, from market: Market, _ generator: inout SplitMix64, _ context: StressContext
) {
    while !market.isOver.load(ordering: .relaxed) {
        let patience = UInt64.random(in: 0..<30_000, using: &generator)
        let limit = thread == 2 ? .now.advanced(byNanoseconds: patience) : longEnough
        let isTaken: Void? = market.buffer.withLock(
            on: market.notEmpty,
            when: { !$0.isEmpty || market.isOver.load(ordering: .relaxed) }, until: limit
        ) { take(&$0, market, context) }
        if thread == 3 { context.check(isTaken != nil, "a consumer waited in vain") }
    }
}

private func receiveAsTask(from market: Market, _ context: StressContext) async {
    while !market.isOver.load(ordering: .relaxed) {
        try? await market.buffer.withLock(
            on: market.notEmpty, when: { !$0.isEmpty || market.isOver.load(ordering: .relaxed) }
        ) { take(&$0, market, context) }
    }
}
