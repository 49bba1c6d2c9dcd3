// SPDX-License-Identifier: MIT

// A configuration that changes, and those who must know: a thread sends each version, tasks and a
// thread sleep until there is one. Who is slow is told how many versions it has missed, which does
// not matter to it: it takes the newest. A selector waits for the news and for a stop, whichever
// comes first.
//
//     swift run -c release example_broadcast_channel

import AtomicSupport
import Channels
import ConcurrentQueues
import StressSupport
import WaitPrimitives

/// What is broadcast: a value with parts on the heap, of which each subscriber has a copy.
struct Configuration: Sendable {
    let version: Int
    let hosts: [String]
}

let versionCount = 1_000
let news = Shared(BroadcastChannel<Configuration>(capacity: 16))
let upToDate = Shared(Atomic<Int>(0))
let start = news.value.subscribe()

/// Adds a delivery up; false if a version is out of order.
@Sendable func apply(_ delivery: BroadcastDelivery<Configuration>, to version: inout Int) -> Bool {
    switch delivery {
    case .element(let configuration):
        version += 1
        return configuration.version == version && configuration.hosts.count == 2
    case .lagged(let missedCount):
        version += Int(missedCount)
        return true
    }
}

/// A task that is suspended while there is no news.
@Sendable func follow() async {
    var (cursor, version, isInOrder) = (start, 0, true)
    while let delivery = try? await news.value.receive(by: &cursor) {
        isInOrder = apply(delivery, to: &version) && isInOrder
    }
    if isInOrder && version == versionCount { upToDate.value.add(1, ordering: .relaxed) }
}

/// A thread that sleeps while there is no news.
@Sendable func blockingFollow() {
    var (cursor, version, isInOrder) = (start, 0, true)
    while let delivery = try? news.value.blockingReceive(by: &cursor, until: .never) {
        isInOrder = apply(delivery, to: &version) && isInOrder
    }
    if isInOrder && version == versionCount { upToDate.value.add(1, ordering: .relaxed) }
}

@Sendable func change() {
    for version in 1...versionCount {
        let hosts = ["db-\(version % 7)", "cache-\(version % 3)"]
        let refusal = news.value.blockingSend(
            Configuration(version: version, hosts: hosts), until: .never)
        precondition(refusal == nil, "nobody closes but this thread")
    }
    news.value.close()
}

let ended = Shared(WaitGroup())
ended.value.add(2)
for _ in 0..<2 {
    Task.detached {
        await follow()
        ended.value.done()
    }
}
ThreadTeam.run(count: 2) { thread in
    if thread == 0 { change() } else { blockingFollow() }
}

/// Follows the late news by a selector, until the stop.
func select() {
    _ = ended.value.blockingWait(until: .never)
    print("subscribers that know each version, or that they missed it: ", terminator: "")
    print("\(upToDate.value.load(ordering: .relaxed)) of 3")
    let stop = Shared(ManualResetEvent())
    var selector = Selector<String>([
        .receive(from: news, by: start) { delivery in
            guard case .element(let configuration) = delivery else { return "\(delivery)" }
            if configuration.version == versionCount { stop.value.set() }
            return "version \(configuration.version)"
        },
        .whenSet(stop) { "stop" },
    ])
    var found: [String] = []
    while found.last != "stop", let text = try? selector.blockingNext(until: .never) {
        found.append(text)
    }
    print("a late one: \(found.prefix(2)), and \(found.count - 2) more, to the \(found.last ?? "")")
}

select()
