// SPDX-License-Identifier: MIT

// Two weather stations publish readings, two displays show each of them. A display that does not
// keep up is told how many readings it has missed, and nobody waits for it. A sleeper looks at the
// very end: it finds the last readings alone, and the number of the others.
//
//     swift run -c release example_broadcast_ring

import AtomicSupport
import ConcurrentQueues
import StressSupport

/// What a station measures. The ring hands out copies, so it may hold references.
struct Reading: Sendable {
    let station: Int
    let number: Int
    let text: String
}

let readingCount = 5_000
let ring = Shared(BroadcastRing<Reading>(capacity: 8))
let stationsLeft = Shared(Atomic<Int>(2))
let wholeDisplays = Shared(Atomic<Int>(0))

/// Publishes the readings of one station; the last station closes.
@Sendable func measure(_ station: Int) {
    for number in 1...readingCount {
        let text = "station \(station): \(number % 40 - 10) degrees"
        ring.value.publish(Reading(station: station, number: number, text: text))
    }
    if stationsLeft.value.subtract(1, ordering: .relaxed).newValue == 0 { ring.value.close() }
}

/// Follows to the end, and answers whether each reading was seen in its station's order, or counted
/// as missed.
@Sendable func follow(from start: BroadcastCursor) -> Bool {
    var cursor = start
    var last = [0, 0]
    var count = 0
    var isInOrder = true
    var backoff = Backoff()
    while !ring.value.isDrained(by: cursor) {  // Ends behind the close.
        switch ring.value.tryReceive(by: &cursor) {
        case .element(let reading):
            let isLater = reading.number > last[reading.station]
            let isWhole = reading.text.hasPrefix("station \(reading.station)")
            isInOrder = isInOrder && isLater && isWhole
            last[reading.station] = reading.number
            count += 1
            backoff = Backoff()
        case .lagged(let missedCount): count += Int(missedCount)
        case nil: backoff.snooze()
        }
    }
    return isInOrder && count == 2 * readingCount
}

var sleeper = ring.value.subscribe()
let start = sleeper
ThreadTeam.run(count: 4) { thread in
    if thread < 2 {
        measure(thread)
    } else if follow(from: start) {
        wholeDisplays.value.add(1, ordering: .relaxed)
    }
}
let wholeCount = wholeDisplays.value.load(ordering: .relaxed)
print("displays with each reading in order, or counted as missed: \(wholeCount) of 2")

var found = 0
while let delivery = ring.value.tryReceive(by: &sleeper) {
    switch delivery {
    case .element: found += 1
    case .lagged(let missedCount): print("the sleeper has missed \(missedCount)")
    }
}
print("and finds \(found); at its end: \(ring.value.isDrained(by: sleeper))")
