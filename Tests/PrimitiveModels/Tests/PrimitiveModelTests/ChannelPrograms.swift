// SPDX-License-Identifier: MIT

import AtomicSupport
@testable import Channels
import ModelChecking
import WaitPrimitives

/// Programs with the bounded channel.
enum ChannelPrograms {
    /// A deadline that may pass at any moment, in a model.
    private static let anyMoment = MonotonicInstant(nanoseconds: 1)

    /// Senders that each send so many, receivers that each take so many, and nobody gives up: all
    /// end, and what is left over is in the channel. In batches senders do not sleep, but receivers
    /// do.
    static func traffic(
        _ sends: [Int], _ receives: [Int], capacity: Int = 2, inBatches: Bool = false
    ) -> (Model) -> Void {
        { model in
            let channel = BoundedChannel<ModelBox>(capacity: capacity)
            let taken = Tally()
            for (number, count) in sends.enumerated() {
                model.thread("sender \(number)") {
                    var index = 0
                    while inBatches && index < count {  // Receivers take what stands in the way.
                        let put = channel.fill(max: min(2, count - index)) {
                            index += 1
                            return ModelBox(number * 10 + index - 1)
                        }
                        if put == 0 { model.yield() }
                    }
                    for index in index..<count {
                        let box = ModelBox(number * 10 + index)
                        let refusal = channel.blockingSend(box, until: .never)
                        model.check(refusal == nil, "a send was refused for no reason")
                    }
                }
            }
            for (number, count) in receives.enumerated() {
                model.thread("receiver \(number)") {
                    for _ in 0..<count {
                        guard let box = try? channel.blockingReceive(until: .never) else {
                            return model.check(false, "an end for no reason")
                        }
                        taken.add(box.value)
                    }
                }
            }
            model.finally {
                while let box = channel.tryReceive() { taken.add(box.value) }
                model.check(taken.values.sorted() == all(sends), "\(taken.values)")
                model.check(isForgotten(channel), "somebody is announced and gone")
            }
        }
    }

    /// Senders that sleep on a full channel, and one who takes batches.
    static func drained(senders: Int) -> (Model) -> Void {
        { model in
            let channel = BoundedChannel<ModelBox>(capacity: 2)
            for index in 0..<2 { _ = channel.trySend(ModelBox(index)) }
            let taken = Tally()
            for number in 0..<senders {
                model.thread("sender \(number)") {
                    let refusal = channel.blockingSend(ModelBox(10 + number), until: .never)
                    model.check(refusal == nil, "a send was refused for no reason")
                }
            }
            model.thread("receiver") { channel.drain(max: 2) { taken.add($0.value) } }
            model.finally {
                channel.drain(max: 2) { taken.add($0.value) }
                model.check(taken.values.sorted() == [0, 1] + (0..<senders).map { 10 + $0 })
                model.check(isForgotten(channel), "somebody is announced and gone")
            }
        }
    }

    /// Whether nobody is announced as a waiter.
    private static func isForgotten(_ channel: borrowing BoundedChannel<ModelBox>) -> Bool {
        channel.arrivals.waiterCount == 0 && channel.departures.waiterCount == 0
    }

    /// The numbers of all that is sent.
    private static func all(_ sends: [Int]) -> [Int] {
        sends.enumerated().flatMap { number, count in (0..<count).map { number * 10 + $0 } }
    }

    /// Receivers, of which the impatient give up at any moment; one sender. Who stays gets all.
    static func impatientReceivers(sends: Int, patient: Int, impatient: Int) -> (Model) -> Void {
        { model in
            let channel = BoundedChannel<ModelBox>(capacity: 2)
            let taken = Tally()
            model.thread("sender") {
                for index in 0..<sends {
                    _ = channel.blockingSend(ModelBox(index), until: .never)
                }
                channel.close()
            }
            for number in 0..<patient + impatient {
                model.thread("receiver \(number)") {
                    let deadline = number < patient ? MonotonicInstant.never : anyMoment
                    while let box = try? channel.blockingReceive(until: deadline) {
                        taken.add(box.value)
                    }
                }
            }
            model.finally {
                while let box = channel.tryReceive() { taken.add(box.value) }
                model.check(taken.values.sorted() == Array(0..<sends), "\(taken.values)")
                model.check(channel.isDrained)
                model.check(isForgotten(channel), "somebody is announced and gone")
            }
        }
    }

    /// A full channel; one sender that gives up at any moment, one that does not; one receive.
    static func impatientSender() -> (Model) -> Void {
        { model in
            let channel = BoundedChannel<ModelBox>(capacity: 2)
            for index in 0..<2 { _ = channel.trySend(ModelBox(index)) }
            let kept = Tally()
            let taken = Tally()
            model.thread("impatient") {
                if let refusal = channel.blockingSend(ModelBox(10), until: anyMoment) {
                    model.check(refusal.reason == .timedOut)
                    kept.add(refusal.element.value)
                }
            }
            model.thread("receiver") {
                for _ in 0..<2 {
                    if let box = channel.tryReceive() { taken.add(box.value) }
                }
            }
            model.thread("patient") {
                let refusal = channel.blockingSend(ModelBox(20), until: .never)
                model.check(refusal == nil)
            }
            model.finally {
                while let box = channel.tryReceive() { taken.add(box.value) }
                let found = (taken.values + kept.values).sorted()
                model.check(found == [0, 1, 10, 20], "\(found)")
                model.check(isForgotten(channel), "somebody is announced and gone")
            }
        }
    }

    /// A close beside senders on a full channel and receivers that go on to the end.
    static func closing(senders: Int, receivers: Int, filled: Int) -> (Model) -> Void {
        { model in
            let channel = BoundedChannel<ModelBox>(capacity: 2)
            for index in 0..<filled { _ = channel.trySend(ModelBox(index)) }
            let written = PlainCell(0)
            let kept = Tally()
            let taken = Tally()
            for number in 0..<senders {
                model.thread("sender \(number)") {
                    let box = ModelBox(10 + number)
                    if let refusal = channel.blockingSend(box, until: .never) {
                        model.check(refusal.reason == .closed)
                        model.check(written.load() == 1)
                        kept.add(refusal.element.value)
                    }
                }
            }
            for number in 0..<receivers {
                model.thread("receiver \(number)") {
                    while let box = try? channel.blockingReceive(until: .never) {
                        taken.add(box.value)
                    }
                    model.check(channel.isDrained, "an end before the end")
                    model.check(written.load() == 1)
                }
            }
            model.thread("closer") {
                written.store(1)
                channel.close()
            }
            model.finally {
                while let box = channel.tryReceive() { taken.add(box.value) }
                let found = (taken.values + kept.values).sorted()
                let expected = Array(0..<filled) + (0..<senders).map { 10 + $0 }
                model.check(found == expected, "\(found)")
                model.check(isForgotten(channel), "somebody is announced and gone")
            }
        }
    }
}

/// An element whose number is plain memory that the model watches: who reads it without an edge to
/// its sender is found.
struct ModelBox: ~Copyable, @unchecked Sendable {
    private let cell: PlainCell<Int>

    init(_ value: Int) {
        cell = PlainCell(0)
        cell.store(value)
    }

    var value: Int { cell.load() }
}
