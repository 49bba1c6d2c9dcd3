// SPDX-License-Identifier: MIT

import AtomicSupport
@testable import Channels
import ModelChecking
import WaitPrimitives

/// Programs with selectors over a bounded channel, a rendezvous, and an event count.
enum SelectorPrograms {
    /// What is selected from: a box is shared, as the cases want it.
    final class Sources {
        let bounded = Shared(BoundedChannel<ModelBox>(capacity: 2))
        let meeting = Shared(RendezvousChannel<ModelBox>())

        func selector() -> Selector<Int> {
            Selector([
                .receive(from: bounded) { $0.value }, .receive(from: meeting) { $0.value },
            ])
        }
    }

    /// Who takes: by a selector over both, so often, or by the channels' own receive.
    enum Taker {
        case selecting(Int)
        case impatient
        case bounded
        case meeting
    }

    /// So many sends to each; takers that fit them. Nothing is lost, nobody sleeps on.
    static func traffic(
        bounded: Int, meeting: Int, _ takers: [Taker], closes: Bool = false
    ) -> (Model) -> Void {
        { model in
            let sources = Sources()
            let taken = Tally()
            let kept = Tally()
            for number in 0..<bounded {
                model.thread("to the bounded one \(number)") {
                    let box = ModelBox(number)
                    if sources.bounded.value.blockingSend(box, until: .never) != nil {
                        kept.add(number)
                    }
                }
            }
            for number in 10..<10 + meeting {
                model.thread("to the rendezvous \(number)") {
                    let box = ModelBox(number)
                    if sources.meeting.value.blockingSend(box, until: .never) != nil {
                        kept.add(number)
                    }
                }
            }
            for (number, taker) in takers.enumerated() {
                model.thread("taker \(number)") { take(taker, sources, taken) }
            }
            if closes {
                model.thread("closer") {
                    sources.bounded.value.close()
                    sources.meeting.value.close()
                }
            }
            model.finally {
                while let box = sources.bounded.value.tryReceive() { taken.add(box.value) }
                while let box = sources.meeting.value.tryReceive() { taken.add(box.value) }
                let all = Array(0..<bounded) + Array(10..<10 + meeting)
                let found = (taken.values + kept.values).sorted()
                model.check(found == all, "\(found)")
                model.check(closes || kept.values.isEmpty, "refused for no reason")
                model.check(sources.bounded.value.arrivals.waiterCount == 0, "still announced")
                model.check(RendezvousPrograms.isForgotten(sources.meeting.value), "still queued")
            }
        }
    }

    private static func take(_ taker: Taker, _ sources: Sources, _ taken: Tally) {
        switch taker {
        case .selecting(let turns):
            var selector = sources.selector()
            for _ in 0..<turns {
                guard let number = try? selector.blockingNext(until: .never) else { return }
                taken.add(number)
            }
        case .impatient:
            var selector = sources.selector()
            let deadline = MonotonicInstant(nanoseconds: 1)
            if let number = try? selector.blockingNext(until: deadline) { taken.add(number) }
        case .bounded:
            if let box = try? sources.bounded.value.blockingReceive(until: .never) {
                taken.add(box.value)
            }
        case .meeting:
            if let box = try? sources.meeting.value.blockingReceive(until: .never) {
                taken.add(box.value)
            }
        }
    }

    /// What was done before a notify is seen by the selector that it wakes, which looks at nothing
    /// else: the looks before its sleep answer nil.
    static func edge() -> (Model) -> Void {
        { model in
            let events = Shared(EventCount())
            let cell = PlainCell(0)
            let looks = Shared(Atomic(0))
            model.thread("selector") {
                var selector = Selector<Int>([
                    .when(events) {
                        let look = looks.value.add(1, ordering: .relaxed).newValue
                        return look > 2 ? cell.load() : nil
                    }
                ])
                let value = try? selector.blockingNext(until: .never)
                model.check(value == 1)
            }
            model.thread("notifier") {
                while events.value.waiterCount == 0 { model.yield() }
                cell.store(1)
                events.value.notifyOne()
            }
            model.finally { model.check(events.value.waiterCount == 0) }
        }
    }
}
