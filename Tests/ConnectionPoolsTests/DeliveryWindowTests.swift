// SPDX-License-Identifier: MIT

import StressSupport
import Testing

@testable import ConnectionPools

@Suite("Delivery window")
struct DeliveryWindowTests {
    @Test("Written: a message settles with its last byte, and the cut one is known")
    func writtenSettlesWhole() {
        // If this failed, a message cut in the middle would be reported as written.
        var window = DeliveryWindow(mode: .written, capacity: 4)
        let ends = [10, 1, 5].enumerated().map {
            window.append(messageID: UInt64($0.offset), byteCount: $0.element)
        }
        #expect(ends == [10, 11, 16])
        var settled: [UInt64] = []
        var whole = window.bytesWritten(9) { settled.append($0) }
        #expect(whole == 0)
        #expect(settled.isEmpty)
        var cut = window.cutMessage
        #expect(cut?.messageID == 0)
        #expect(cut?.byteCount == 9)
        whole = window.bytesWritten(2) { settled.append($0) }
        #expect(whole == 2)
        #expect(settled == [0, 1])
        cut = window.cutMessage
        #expect(cut == nil)
        window.bytesWritten(5) { settled.append($0) }
        #expect(settled == [0, 1, 2])
        let isEmpty = window.isEmpty
        #expect(isEmpty)
    }

    @Test("Acknowledged: writing settles nothing, acknowledgements settle a prefix")
    func acknowledgedSettlesPrefix() {
        // If this failed, bytes lost in our own socket buffer would count as delivered.
        var window = DeliveryWindow(mode: .acknowledged, capacity: 4)
        for id in UInt64(0)..<3 { _ = window.append(messageID: id, byteCount: 10) }
        var settled: [UInt64] = []
        let whole = window.bytesWritten(25) { settled.append($0) }
        #expect(whole == 2)
        #expect(settled.isEmpty)
        var count = window.bytesAcknowledged(upTo: 19) { settled.append($0) }
        #expect(count == 1)
        count = window.bytesAcknowledged(upTo: 19) { settled.append($0) }
        #expect(count == 0)
        count = window.bytesAcknowledged(upTo: 3) { settled.append($0) }
        #expect(count == 0)
        // The acknowledgement overtakes the news of the write.
        count = window.bytesAcknowledged(upTo: 30) { settled.append($0) }
        #expect(count == 2)
        #expect(settled == [0, 1, 2])
        window.bytesWritten(5) { _ in }
        let written = window.messagesWritten
        #expect(written == 3)
        window.checkInvariants()
    }

    @Test("A full window refuses; one that settled takes again; places are used again for ever")
    func fullWindowRefuses() {
        // If this failed, the window would grow, lose a place, or write beyond its memory.
        for mode in DeliveryMode.allCases {
            var keys = KeyedWindow(mode: mode, capacity: 3) { _ in 1 }
            for round in 0..<50 {
                while keys.append(UInt64(round), 2) {}
                let available = keys.window.available
                #expect(available == 0)
                keys.settleOldest()
                let isTaken = keys.append(1, 2)
                #expect(isTaken)
                keys.settleOldest()
                keys.settleOldest()
                keys.window.checkInvariants()
            }
        }
    }

    @Test("Confirmed: any order, equal keys in sending order, unknown answers confirm nothing")
    func confirmedInAnyOrder() {
        // If this failed, an answer would settle another message than the one it answers.
        var keys = KeyedWindow(mode: .confirmed, capacity: 8) { UInt64($0.count) }
        for key: UInt64 in [5, 6, 5, 7, 5] { _ = keys.append(key, 10) }
        keys.write(50)
        #expect(keys.confirm(7) == 3)
        #expect(keys.confirm(5) == 0)
        #expect(keys.confirm(8) == nil)
        #expect(keys.confirm(5) == 2)
        #expect(keys.confirm(7) == nil)
        #expect(keys.confirm(5) == 4)
        #expect(keys.confirm(5) == nil)
        #expect(keys.confirm(6) == 1)
        let unexpected = keys.window.unexpectedAnswers
        let isEmpty = keys.window.isEmpty
        #expect(unexpected == 3)
        #expect(isEmpty)
    }

    @Test("An answer to what the kernel has not been given whole is unexpected")
    func answerBeforeQuestion() {
        // If this failed, a second answer to an old question would confirm a new one not yet sent.
        var keys = KeyedWindow(mode: .confirmed, capacity: 4) { _ in 0 }
        _ = keys.append(5, 10)
        #expect(keys.confirm(5) == nil)
        keys.window.bytesSubmitted(9)
        #expect(keys.confirm(5) == nil)
        keys.window.bytesSubmitted(1)
        #expect(keys.confirm(5) == 0)
        // The news of the write comes after the answer.
        let written = keys.window.messagesWritten
        #expect(written == 1)
        keys.write(10)
        let writtenAfter = keys.window.messagesWritten
        #expect(writtenAfter == 1)
        keys.window.checkInvariants()
    }

    @Test("A late answer does not fill the window")
    func stragglerDoesNotBlock() {
        // If this failed, one slow answer would stop the connection after `capacity` messages.
        var keys = KeyedWindow(mode: .confirmed, capacity: 2) { _ in 0 }
        _ = keys.append(1, 10)
        keys.write(10)
        for _ in 0..<100 {
            let isTaken = keys.append(2, 10)
            #expect(isTaken)
            keys.write(10)
            #expect(keys.confirm(2) != nil)
        }
        #expect(keys.confirm(1) == 0)
    }

    @Test("Abandoned: the rest in sending order with the truth about bytes, then a fresh stream")
    func abandonTellsWhatWasWritten() {
        // If this failed, a message would be lost, sent out of order, or wrongly called unsent.
        for mode in DeliveryMode.allCases {
            var keys = KeyedWindow(mode: mode, capacity: 4) { _ in 0 }
            for key: UInt64 in 0..<4 { _ = keys.append(key, 10) }
            keys.write(21)
            if mode == .confirmed { #expect(keys.confirm(1) == 1) }
            if mode == .acknowledged { keys.window.bytesAcknowledged(upTo: 10) { _ in } }
            var rest: [UInt64] = []
            var flags: [Bool] = []
            keys.window.abandon {
                rest.append($0)
                flags.append($1)
            }
            switch mode {
            case .written:
                #expect(rest == [2, 3])
                #expect(flags == [true, false])
            case .acknowledged:
                #expect(rest == [1, 2, 3])
                #expect(flags == [true, true, false])
            case .confirmed:
                #expect(rest == [0, 2, 3])
                #expect(flags == [true, true, false])
            }
            keys.window.checkInvariants()
            let end = keys.window.appendedOffset
            #expect(end == 0)
            let last = keys.window.lastConfirmedOffset
            #expect(last == 0)
            keys.next = 0
            for key: UInt64 in 0..<4 {
                let isTaken = keys.append(key, 10)
                #expect(isTaken)
            }
            if mode == .confirmed { #expect(keys.confirm(3) == nil) }
        }
    }

    @Test("A message without bytes is a mistake of the caller")
    func emptyMessageTraps() async {
        // If this failed, a message without bytes would settle before it was sent.
        await #expect(processExitsWith: .failure) {
            var window = DeliveryWindow(mode: .written, capacity: 2)
            _ = window.append(messageID: 1, byteCount: 0)
        }
    }

    @Test("More bytes written than appended is a mistake of the caller")
    func tooManyBytesTrap() async {
        // If this failed, a driver that counts wrongly would settle what it never sent.
        await #expect(processExitsWith: .failure) {
            var window = DeliveryWindow(mode: .written, capacity: 2)
            _ = window.append(messageID: 1, byteCount: 5)
            window.bytesWritten(6) { _ in }
        }
    }

    @Test("Hashes depend on every byte, on the length and on the seed")
    func hashesDiffer() {
        // If this failed, keys would meet in few cells and a confirmation would cost a long search.
        var seen: Set<UInt64> = []
        for length in 0..<40 {
            let bytes = [UInt8](repeating: 0, count: length)
            seen.insert(hash(bytes, seed: 1))
            seen.insert(hash(bytes, seed: 2))
            for position in 0..<length {
                var changed = bytes
                changed[position] = 1
                seen.insert(hash(changed, seed: 1))
            }
        }
        #expect(seen.count == 80 + 39 * 40 / 2)
        #expect(hash([1, 2, 3], seed: 9) == hash([1, 2, 3], seed: 9))
    }
}

func hash(_ bytes: [UInt8], seed: UInt64) -> UInt64 {
    // SAFETY: the buffer is valid for the call.
    unsafe bytes.withUnsafeBytes { unsafe KeyHash.hash($0, seed: seed) }
}

/// A window whose messages are numbered and have a small number, spelled out, as their key.
struct KeyedWindow: ~Copyable {
    var window: DeliveryWindow
    var keys: [UInt64: [UInt8]] = [:]
    var next: UInt64 = 0
    let hash: ([UInt8]) -> UInt64

    init(mode: DeliveryMode, capacity: Int, hash: @escaping ([UInt8]) -> UInt64) {
        window = DeliveryWindow(mode: mode, capacity: capacity)
        self.hash = hash
    }

    static func spell(_ key: UInt64) -> [UInt8] {
        Array("key-\(key)".utf8)
    }

    mutating func append(_ key: UInt64, _ byteCount: Int) -> Bool {
        let bytes = Self.spell(key)
        let keys = keys
        let end =
            window.mode == .confirmed
            ? window.append(messageID: next, byteCount: byteCount, hash: hash(bytes)) {
                keys[$0] == bytes
            } : window.append(messageID: next, byteCount: byteCount)
        guard end != nil else { return false }
        self.keys[next] = bytes
        next += 1
        return true
    }

    mutating func write(_ byteCount: Int) {
        window.bytesWritten(byteCount) { _ in }
    }

    mutating func confirm(_ key: UInt64) -> UInt64? {
        let bytes = Self.spell(key)
        let keys = keys
        return window.confirm(hash: hash(bytes)) { keys[$0] == bytes }
    }

    /// Settles one message of two bytes, in whatever way the mode has.
    mutating func settleOldest() {
        switch window.mode {
        case .written:
            write(2)
        case .acknowledged:
            window.bytesAcknowledged(upTo: window.acknowledgedOffset + 2) { _ in }
        case .confirmed:
            write(Int(window.appendedOffset - window.writtenOffset))
            for key: UInt64 in 0..<50 where confirm(key) != nil { return }
        }
    }
}
