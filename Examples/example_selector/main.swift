// SPDX-License-Identifier: MIT

// A control room: one thread waits for readings (a bounded channel), for requests (a rendezvous, so
// that who asks knows that it was heard) and for the end of the shift (an event), whichever comes
// first. A second thread selects from the same channels and goes home after a while; what it does
// not take, the first one does.
//
//     swift run -c release example_selector

import AtomicSupport
import Channels
import StressSupport
import WaitPrimitives

/// What the operators wait for.
enum Event {
    case reading(Int)
    case request(String)
    case endOfShift
}

/// The sources, and what became of what they gave.
final class ControlRoom: Sendable {
    let readings = Shared(BoundedChannel<Int>(capacity: 8))
    let requests = Shared(RendezvousChannel<String>())
    let endOfShift = Shared(ManualResetEvent())
    let readingSum = Atomic<Int>(0)
    let requestCount = Atomic<Int>(0)
    let vainWaits = Atomic<Int>(0)

    func makeSelector() -> Selector<Event> {
        Selector([
            .receive(from: readings) { .reading($0) },
            .receive(from: requests) { .request($0) },
            .whenSet(endOfShift) { .endOfShift },
        ])
    }

    /// Does what an event asks for; false at the end of the shift.
    func handle(_ event: Event) -> Bool {
        switch event {
        case .reading(let value): readingSum.add(value, ordering: .relaxed)
        case .request: requestCount.add(1, ordering: .relaxed)
        case .endOfShift: return false
        }
        return true
    }
}

let room = ControlRoom()
let readingCount = 5_000
let requestCount = 500

/// Serves events until the shift ends, and then what is left.
@Sendable func operate() {
    var selector = room.makeSelector()
    while let event = try? selector.blockingNext(until: .never), room.handle(event) {}
    while let reading = room.readings.value.tryReceive() { _ = room.handle(.reading(reading)) }
}

/// Serves events for a while, with little patience.
@Sendable func help() {
    var selector = room.makeSelector()
    for _ in 0..<1_000 {
        let soon = MonotonicInstant.now.advanced(byNanoseconds: 50_000)
        do throws(ChannelError) {
            if !room.handle(try selector.blockingNext(until: soon)) { return }
        } catch {
            room.vainWaits.add(1, ordering: .relaxed)
        }
    }
}

/// Sends the readings and asks now and then; ends the shift when all were accepted.
@Sendable func report() {
    for number in 1...readingCount {
        _ = room.readings.value.blockingSend(number, until: .never)
        if number % (readingCount / requestCount) == 0 {
            _ = room.requests.value.blockingSend("how much is \(number)?", until: .never)
        }
    }
    room.endOfShift.value.set()
}

ThreadTeam.run(count: 3) { index in
    switch index {
    case 0: operate()
    case 1: help()
    default: report()
    }
}
let sum = room.readingSum.load(ordering: .relaxed)
let expected = readingCount * (readingCount + 1) / 2
print("sum \(sum), expected \(expected): \(sum == expected ? "nothing lost" : "WRONG")")
print("requests heard: \(room.requestCount.load(ordering: .relaxed)) of \(requestCount)")
print("the helper waited in vain \(room.vainWaits.load(ordering: .relaxed)) times")
