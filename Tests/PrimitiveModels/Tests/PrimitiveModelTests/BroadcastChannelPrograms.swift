// SPDX-License-Identifier: MIT

import AtomicSupport
@testable import Channels
import ConcurrentQueues
import ModelChecking
import WaitPrimitives

/// Programs with the broadcast channel.
enum BroadcastChannelPrograms {
    typealias Channel = BroadcastChannel<PlainCell<Int>>

    /// A deadline that may pass at any moment, in a model.
    private static let anyMoment = MonotonicInstant(nanoseconds: 1)

    /// Senders that each send so many, and subscribers that go on until they were given or told of
    /// all that is sent. All end: nobody sleeps beside its news.
    static func traffic(_ sends: [Int], subscribers: Int, capacity: Int) -> (Model) -> Void {
        { model in
            let channel = Channel(capacity: capacity)
            let start = channel.subscribe()
            let total = sends.reduce(0, +)
            for (number, count) in sends.enumerated() {
                model.thread("sender \(number)") {
                    for turn in 0..<count {
                        let news = BroadcastPrograms.news(10 * number + turn)
                        let refusal = channel.blockingSend(news, until: .never)
                        model.check(refusal == nil, "a send was refused for no reason")
                    }
                }
            }
            for number in 0..<subscribers {
                model.thread("subscriber \(number)") {
                    let log = NewsLog()
                    var cursor = start
                    while log.next < total {
                        let delivery = try? channel.blockingReceive(by: &cursor, until: .never)
                        model.check(delivery != nil, "an end for no reason")
                        _ = log.take(delivery)
                    }
                    model.check(log.next == total, "more than was sent")
                }
            }
            model.finally { checkForgotten(channel, model) }
        }
    }

    /// So many sends and a close; who is impatient gives up at any moment, and comes again once.
    static func closing(sends: Int, patient: Int, impatient: Int, closesBeside: Bool) -> (Model) ->
        Void
    {
        { model in
            let channel = Channel(capacity: 2)
            let start = channel.subscribe()
            let accepted = Tally()
            let logs = (0..<patient + impatient).map { _ in NewsLog() }
            let before = PlainCell(0)
            let close = {
                before.store(1)
                channel.close()
            }
            model.thread("sender") {
                for number in 0..<sends {
                    let news = BroadcastPrograms.news(number)
                    if channel.blockingSend(news, until: .never) == nil { accepted.add(number) }
                }
                if !closesBeside { close() }
            }
            if closesBeside { model.thread("closer", close) }
            for number in logs.indices {
                model.thread("subscriber \(number)") {
                    var cursor = start
                    if number >= patient {
                        _ = logs[number].take(
                            try? channel.blockingReceive(by: &cursor, until: anyMoment))
                        return
                    }
                    while let delivery = try? channel.blockingReceive(by: &cursor, until: .never) {
                        _ = logs[number].take(delivery)
                    }
                    model.check(before.load() == 1, "an end before the end")
                    model.check(channel.isDrained(by: cursor))
                }
            }
            model.finally {
                for log in logs[..<patient] {
                    model.check(log.next == accepted.values.count, "lost at the end")
                }
                checkForgotten(channel, model)
            }
        }
    }

    /// A selector over a broadcast channel and a bounded one, which takes so often; all that is
    /// sent fits.
    static func selecting(news: Int, jobs: Int) -> (Model) -> Void {
        { model in
            let channel = Shared(Channel(capacity: 2))
            let other = Shared(BoundedChannel<Int>(capacity: 2))
            let start = channel.value.subscribe()
            let taken = Tally()
            if news > 0 {
                model.thread("news") {
                    for number in 0..<news {
                        _ = channel.value.trySend(BroadcastPrograms.news(number))
                    }
                }
            }
            if jobs > 0 {
                model.thread("jobs") {
                    for number in 0..<jobs { _ = other.value.trySend(10 + number) }
                }
            }
            model.thread("selector") {
                var selector = Selector<Int>([
                    .receive(from: channel, by: start) { delivery in
                        guard case .element(let cell) = delivery else { return -1 }
                        return cell.load()
                    },
                    .receive(from: other) { $0 },
                ])
                for _ in 0..<news + jobs {
                    taken.add((try? selector.blockingNext(until: .never)) ?? -2)
                }
            }
            model.finally {
                let all = Array(0..<news) + Array(10..<10 + jobs)
                model.check(taken.values.sorted() == all, "\(taken.values)")
                checkForgotten(channel.value, model)
                model.check(other.value.arrivals.waiterCount == 0, "still announced")
            }
        }
    }

    private static func checkForgotten(_ channel: borrowing Channel, _ model: Model) {
        let count = channel.waiterCount
        model.check(count == 0, "somebody is announced and gone")
    }
}
