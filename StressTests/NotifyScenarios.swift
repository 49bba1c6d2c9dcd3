// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import StressSupport
internal import WaitPrimitives

let notifyScenarios: [Scenario] = [
    Scenario(
        name: "notify-ones", room: "WaitPrimitives", threads: 4,
        summary: "a parcel goes round by notifies of one: remembered, waited for, given up",
        run: notifyOnes),
    Scenario(
        name: "notify-all", room: "WaitPrimitives", threads: 4,
        summary: "ticket, look, wait, with patience or not; who counts a call reads its payload",
        run: notifyAll),
]

/// One parcel's place, which a notify hands over: whoever is let go on owns it.
@safe
private final class Place: @unchecked Sendable {
    private var parcel: Parcel

    init(_ parcel: consuming Parcel) { self.parcel = parcel }

    func replace(by thread: Int, _ census: ParcelCensus, in context: StressContext) {
        context.check(parcel.isWhole, "the parcel is not what the last owner put there")
        parcel = Parcel(producer: thread, number: parcel.number + 1, census: census)
    }

    var number: UInt64 { parcel.number }
}

private func notifyOnes(_ context: StressContext) -> UInt64 {
    let census = ParcelCensus()
    let turns = Shared(Atomic<UInt64>(0))
    var total: UInt64 = 0
    do {
        let place = Place(Parcel(producer: 0, number: 0, census: census))
        let notify = Shared(Notify())
        let running = Shared(WaitGroup())
        notify.value.notifyOne()
        running.value.add(1)
        Task.detached {
            while !context.isOver {
                try? await notify.value.wait()
                place.replace(by: 4, census, in: context)
                turns.value.add(1, ordering: .relaxed)
                notify.value.notifyOne()
            }
            running.value.done()
        }
        ThreadTeam.run(count: 3) { thread in
            var generator = SplitMix64(seed: context.seed, stream: thread)
            while !context.isOver {
                let patience = UInt64.random(in: 0..<30_000, using: &generator)
                let limit = thread == 1 ? .now.advanced(byNanoseconds: patience) : longEnough
                let isThrough =
                    thread == 0 ? notify.value.tryWait() : notify.value.blockingWait(until: limit)
                if thread == 2 { context.check(isThrough, "the notify is lost") }
                if !isThrough { continue }
                place.replace(by: thread, census, in: context)
                turns.value.add(1, ordering: .relaxed)
                notify.value.notifyOne()
            }
        }
        context.check(running.value.blockingWait(until: longEnough), "a task waited in vain")
        context.check(notify.value.tryWait(), "the last notify is not remembered")
        total = place.number
    }
    context.check(total == turns.value.load(ordering: .relaxed), "a turn is lost, or two at a time")
    context.check(census.isEmptySoon, "a parcel is leaked or was destroyed twice")
    return total
}

private func notifyAll(_ context: StressContext) -> UInt64 {
    let notify = Shared(Notify())
    let cell = PlainCell()
    let stop = PlainCell()
    let arrivals = Shared(CountingSemaphore(permitCount: 0))
    ThreadTeam.run(count: 4) { thread in
        var generator = SplitMix64(seed: context.seed, stream: thread)
        var round: UInt64 = 0
        while true {  // Ends when thread 0 finds the time up, or somebody waits in vain.
            round += 1
            if thread > 0 {
                let isIn = waitForCall(round, of: notify.value, &generator)
                context.check(isIn, "somebody slept through a notify")
                context.check(cell.value == round, "the call is counted, its payload is not seen")
                let isLast = stop.value == 1
                arrivals.value.signal()
                if isLast || !isIn { return }
                continue
            }
            let isLast = context.isOver
            cell.value = round
            if isLast { stop.value = 1 }
            notify.value.notifyAll()
            for _ in 0..<3 where !arrivals.value.blockingWait(until: longEnough) { return }
            if isLast { return }
        }
    }
    return cell.value
}

/// Waits until there have been so many calls: takes a ticket, looks at its count, waits with it;
/// now and then not long enough.
private func waitForCall(
    _ round: UInt64, of notify: borrowing Notify, _ generator: inout SplitMix64
) -> Bool {
    let limit = longEnough
    while MonotonicInstant.now < limit {
        let ticket = notify.ticket
        if ticket.rawValue >= round { return true }
        let isShort = UInt32.random(in: 0..<2, using: &generator) == 0
        let patience = UInt64.random(in: 0..<20_000, using: &generator)
        let deadline = isShort ? .now.advanced(byNanoseconds: patience) : limit
        _ = notify.blockingWait(after: ticket, until: deadline)
    }
    return false
}
