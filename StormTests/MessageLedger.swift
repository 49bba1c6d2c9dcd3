// SPDX-License-Identifier: MIT

internal import ConnectionPools

/// Every message of a storm: what was sent, what servers saw of it, what its sender was told.
final class MessageLedger: @unchecked Sendable {
    // Threads: the simulation's.

    private struct Entry {
        let bytes: [UInt8]
        let sender: Int
        var isAccepted = false
        var isRefused = false
        var outcomes: [MessageOutcome] = []
        /// What the sender that asked was told.
        var told: [MessageOutcome?] = []
        /// How often a server read it to its end, and how often it answered.
        var arrivals = 0
        var answers = 0
        /// Whether a server saw a byte of it.
        var wasSeen = false
    }

    private var entries: [Int: Entry] = [:]
    let ledger = Ledger()
    private(set) var acceptedCount = 0
    /// The bytes of all that were taken, and of those that servers read.
    private(set) var acceptedByteCount = 0
    private(set) var arrivedByteCount = 0
    /// How many senders wait for room.
    var sendersWaiting = 0
    /// Whether messages may have come back from one connection while another one went on.
    var mayBeDisordered: () -> Bool = { false }

    func complain(_ sentence: @autoclosure () -> String) { ledger.complain(sentence()) }

    func expect(_ holds: Bool, _ sentence: @autoclosure () -> String) {
        ledger.expect(holds, sentence())
    }

    /// A message: a line whose first word is its number. Those of a sender are made in ascending
    /// order.
    func make(_ number: Int, from sender: Int, byteCount: Int) -> [UInt8] {
        var bytes = Array("m\(number) ".utf8)
        bytes += Letters.of(number, count: max(0, byteCount - bytes.count))
        bytes.append(10)
        entries[number] = Entry(bytes: bytes, sender: sender)
        return bytes
    }

    func accept(_ number: Int) {
        entries[number]?.isAccepted = true
        acceptedCount += 1
        acceptedByteCount += entries[number]?.bytes.count ?? 0
    }

    /// A sender has asked what became of its message.
    func tell(_ number: Int, _ outcome: MessageOutcome?) { entries[number]?.told.append(outcome) }

    func refuse(_ number: Int) { entries[number]?.isRefused = true }

    /// What the client says of a message.
    func settle(_ settled: SettledMessage) {
        let number = Int(settled.ticket.rawValue)
        guard entries[number] != nil else { return complain("unknown message \(number)") }
        entries[number]?.outcomes.append(settled.outcome)
    }

    // MARK: What servers see

    /// A server has read a line of a connection; which message, if it is one as it was sent.
    func arrive(_ line: ArraySlice<UInt8>, in order: inout ArrivalOrder) -> Int? {
        let word = String(decoding: line.prefix { $0 != 32 }.dropFirst(), as: UTF8.self)
        guard let number = Int(word), let entry = entries[number] else {
            let start = String(decoding: line.prefix(40), as: UTF8.self)
            complain("a server read what nobody sent: \(start)")
            return nil
        }
        guard Letters.areEqual(entry.bytes, line) else {
            complain("message \(number) arrived changed")
            return nil
        }
        checkOrder(number, entry, in: order)
        order.note(number, from: entry.sender)
        entries[number]?.arrivals += 1
        arrivedByteCount += line.count
        entries[number]?.wasSeen = true
        return number
    }

    func answer(_ number: Int) { entries[number]?.answers += 1 }

    /// The last bytes of a connection that broke within a message.
    func breakOff(_ rest: ArraySlice<UInt8>, in order: ArrivalOrder) { _ = begin(rest, in: order) }

    /// A server has read the beginning of a message; which one, if its first word is whole.
    func begin(_ rest: ArraySlice<UInt8>, in order: ArrivalOrder) -> Int? {
        guard let space = rest.firstIndex(of: 32) else { return nil }
        let word = String(decoding: rest[rest.startIndex + 1..<space], as: UTF8.self)
        guard let number = Int(word), let entry = entries[number] else {
            complain("a server read the beginning of what nobody sent")
            return nil
        }
        guard entry.bytes.starts(with: rest) else {
            complain("the beginning of message \(number) arrived changed")
            return nil
        }
        checkOrder(number, entry, in: order)
        entries[number]?.wasSeen = true
        return number
    }

    /// A connection carries a sender's messages in their order, unless others broke beside it.
    private func checkOrder(_ number: Int, _ entry: Entry, in order: ArrivalOrder) {
        guard let before = order.predecessor(of: number, from: entry.sender) else { return }
        expect(mayBeDisordered(), "message \(number) arrived behind \(before) on a connection")
    }

    // MARK: At the end

    func checkAll(_ mode: DeliveryMode, mayGiveUp: Bool, resent: UInt64) {
        var repeated = 0
        for number in entries.keys.sorted() {
            guard let entry = entries[number] else { continue }
            check(number, entry, mode, mayGiveUp)
            repeated += max(0, entry.arrivals - 1)
        }
        expect(
            repeated <= resent, "\(repeated) messages arrived again, \(resent) were sent again")
    }

    private func check(
        _ number: Int, _ entry: Entry, _ mode: DeliveryMode, _ mayGiveUp: Bool
    ) {
        guard entry.isAccepted else {
            expect(entry.outcomes.isEmpty, "message \(number) was refused and settled")
            expect(!entry.wasSeen, "message \(number) was refused and sent")
            return
        }
        guard entry.outcomes.count == 1, let outcome = entry.outcomes.first else {
            return complain("message \(number) settled \(entry.outcomes.count) times")
        }
        expect(
            entry.told.allSatisfy { $0 == outcome },
            "message \(number): its sender was told otherwise")
        switch outcome {
        case .ok:
            if mode == .confirmed {
                expect(entry.answers > 0, "message \(number) is confirmed and nobody answered")
            }
        case .failed(let reason, let wasPartlyWritten):
            expect(mayGiveUp, "message \(number) failed: \(reason.word)")
            expect(
                wasPartlyWritten || !entry.wasSeen,
                "message \(number) was seen though no byte of it was written")
        }
    }
}
