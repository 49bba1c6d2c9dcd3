// SPDX-License-Identifier: MIT

import AtomicSupport
@testable import Channels
import ModelChecking
import WaitPrimitives

/// Programs with the rendezvous channel.
enum RendezvousPrograms {
    /// How a thread takes part; the impatient give up at any moment.
    enum Role {
        case sender
        case impatientSender
        case tryingSender
        case receiver
        case impatientReceiver
        case tryingReceiver
        case closer

        var deadline: MonotonicInstant {
            switch self {
            case .impatientSender, .impatientReceiver: MonotonicInstant(nanoseconds: 1)
            default: .never
            }
        }
    }

    /// What became of the elements; each is handed over or kept, never both, never neither.
    final class Ledger {
        let sent = Tally()
        let kept = Tally()
        let taken = Tally()
    }

    /// Threads that each do one thing. At the end nobody may wait: the roles must fit.
    static func meeting(_ roles: [Role]) -> (Model) -> Void {
        { model in
            let channel = RendezvousChannel<ModelBox>()
            let ledger = Ledger()
            let written = PlainCell(0)
            for (number, role) in roles.enumerated() {
                model.thread("\(role) \(number)") {
                    switch role {
                    case .closer:
                        written.store(1)
                        channel.close()
                    case .sender, .impatientSender, .tryingSender:
                        send(ModelBox(number), as: role, to: channel, ledger, written, model)
                    case .receiver, .impatientReceiver, .tryingReceiver:
                        receive(as: role, from: channel, ledger, written, model)
                    }
                }
            }
            model.finally {
                let (sent, taken) = (ledger.sent.values.sorted(), ledger.taken.values.sorted())
                model.check(sent == taken, "sent \(sent), taken \(taken)")
                let count = roles.count { "\($0)".lowercased().contains("sender") }
                model.check(sent.count + ledger.kept.values.count == count, "one is neither")
                model.check(isForgotten(channel), "somebody is queued and gone")
            }
        }
    }

    private static func send(
        _ box: consuming ModelBox, as role: Role, to channel: borrowing RendezvousChannel<ModelBox>,
        _ ledger: Ledger, _ written: PlainCell<Int>, _ model: Model
    ) {
        let number = box.value
        let refusal =
            role == .tryingSender
            ? channel.trySend(box) : channel.blockingSend(box, until: role.deadline)
        guard let refusal else { return ledger.sent.add(number) }
        model.check(refusal.element.value == number, "another element came back")
        ledger.kept.add(number)
        if refusal.reason == .closed { model.check(written.load() == 1) }
        if role == .sender { model.check(refusal.reason == .closed) }
    }

    private static func receive(
        as role: Role, from channel: borrowing RendezvousChannel<ModelBox>, _ ledger: Ledger,
        _ written: PlainCell<Int>, _ model: Model
    ) {
        if role == .tryingReceiver {
            if let box = channel.tryReceive() { ledger.taken.add(box.value) }
            return
        }
        do throws(ChannelError) {
            ledger.taken.add(try channel.blockingReceive(until: role.deadline).value)
        } catch {
            if error == .closed { model.check(written.load() == 1) }
            if role == .receiver { model.check(error == .closed) }
        }
    }

    /// What a receiver did before it asked is seen by the sender whose send has ended.
    static func wayBack() -> (Model) -> Void {
        { model in
            let channel = RendezvousChannel<ModelBox>()
            let cell = PlainCell(0)
            model.thread("sender") {
                let refusal = channel.blockingSend(ModelBox(1), until: .never)
                model.check(refusal == nil)
                model.check(cell.load() == 1)
            }
            model.thread("receiver") {
                cell.store(1)
                let box = try? channel.blockingReceive(until: .never)
                model.check(box != nil)
            }
        }
    }

    /// Who polls whether it is closed sees what the closer did before.
    static func polledClose() -> (Model) -> Void {
        { model in
            let channel = RendezvousChannel<ModelBox>()
            let cell = PlainCell(0)
            model.thread("closer") {
                cell.store(1)
                channel.close()
            }
            model.thread("poller") {
                if channel.isClosed { model.check(cell.load() == 1) }
            }
        }
    }

    static func isForgotten(_ channel: borrowing RendezvousChannel<ModelBox>) -> Bool {
        let place = channel.place
        place.senders.lock()
        defer { place.senders.unlock() }
        return place.senders.isEmpty && place.receivers.isEmpty && place.watchers.isEmpty
    }
}
