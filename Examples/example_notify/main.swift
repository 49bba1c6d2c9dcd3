// SPDX-License-Identifier: MIT

// A version that readers follow. Each takes a ticket, looks, and waits with the ticket: a version
// that comes between the look and the wait ends the wait at once. Then the notify of one, which is
// remembered while nobody waits.
//
//     swift run -c release example_notify

import AtomicSupport
import StressSupport
import WaitPrimitives

/// What the threads share.
final class Feed: Sendable {
    let notify = Notify()
    let version = Atomic<Int>(0)
    let seen = [Shared(Atomic<Int>(0)), Shared(Atomic<Int>(0))]
    let backwards = Atomic<Int>(0)
}

let feed = Feed()
let lastVersion = 200

@Sendable func publish() {
    for number in 1...lastVersion {
        feed.version.store(number, ordering: .relaxed)
        feed.notify.notifyAll()
    }
}

@Sendable func follow(_ reader: Int) {
    var latest = 0
    while latest < lastVersion {  // Ends: the last version comes with a notify.
        let ticket = feed.notify.ticket
        let version = feed.version.load(ordering: .relaxed)
        if version < latest { feed.backwards.add(1, ordering: .relaxed) }
        if version == latest { _ = feed.notify.blockingWait(after: ticket, until: .never) }
        latest = version
    }
    feed.seen[reader].value.store(latest, ordering: .relaxed)
}

ThreadTeam.run(count: 3) { thread in
    if thread == 0 { publish() } else { follow(thread - 1) }
}
let seen = feed.seen.map { $0.value.load(ordering: .relaxed) }
print("versions followed: \(seen), gone backwards: \(feed.backwards.load(ordering: .relaxed))")

// Nobody waits: one notify of one is remembered, a second is not counted.
feed.notify.notifyOne()
feed.notify.notifyOne()
print("remembered: \(feed.notify.tryWait()), once: \(!feed.notify.tryWait())")

// A notify of all is not remembered: who comes later waits.
feed.notify.notifyAll()
let shortly = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000)
print("late for the notify of all: \(!feed.notify.blockingWait(until: shortly))")
