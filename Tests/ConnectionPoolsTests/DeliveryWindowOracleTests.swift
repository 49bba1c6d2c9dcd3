// SPDX-License-Identifier: MIT

import StressSupport
import Testing

@testable import ConnectionPools

/// The same bookkeeping with plain arrays and no cleverness.
private struct NaiveWindow {
    struct Message {
        let id: UInt64
        let key: UInt64
        let start: Int
        let end: Int
    }

    var messages: [Message] = []
    var appended = 0
    var submitted = 0
    var written = 0
    var acknowledged = 0
    var lastConfirmed = 0
    /// Messages that the kernel has taken whole, or must have.
    var whole: UInt64 = 0

    mutating func takeWhole(upTo offset: Int) -> [UInt64] {
        let done = messages.filter { $0.end <= offset }
        messages.removeAll { $0.end <= offset }
        whole += UInt64(done.count { $0.end > written })
        return done.map(\.id)
    }

    mutating func confirm(_ key: UInt64) -> UInt64? {
        guard let index = messages.firstIndex(where: { $0.key == key }) else { return nil }
        guard messages[index].end <= submitted else { return nil }
        lastConfirmed = messages[index].end
        whole += lastConfirmed > written ? 1 : 0
        return messages.remove(at: index).id
    }
}

/// Plays one random run on both, and collects where they differ.
private struct WindowDuel: ~Copyable {
    var keyed: KeyedWindow
    var naive = NaiveWindow()
    var random: SplitMix64
    var problems: [String] = []
    let capacity: Int
    let keyCount: UInt64

    init(mode: DeliveryMode, seed: UInt64, hash: @escaping ([UInt8]) -> UInt64) {
        var random = SplitMix64(seed: seed)
        capacity = Int.random(in: 1...40, using: &random)
        keyCount = UInt64.random(in: 1...60, using: &random)
        keyed = KeyedWindow(mode: mode, capacity: capacity, hash: hash)
        self.random = random
    }

    mutating func expect<Value: Equatable>(_ ours: Value, _ theirs: Value, _ what: String) {
        if ours != theirs { problems.append("\(what): \(ours) instead of \(theirs)") }
    }

    mutating func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<40: append()
        case 40..<60: write()
        case 60..<70: submit()
        case 70..<99: settle()
        default: abandon()
        }
        keyed.window.checkInvariants()
        expect(keyed.window.count, naive.messages.count, "count")
        expect(keyed.window.messagesWritten, naive.whole, "written")
        let isOldestWritten = naive.messages.first.map { $0.end <= naive.written } ?? false
        expect(keyed.window.isOldestWritten, isOldestWritten, "oldest written")
        expect(keyed.window.lastConfirmedOffset, UInt64(naive.lastConfirmed), "last confirmed")
        let cut = naive.messages.first { $0.end > naive.written && $0.start < naive.written }
        expect(keyed.window.cutMessage?.messageID, cut?.id, "cut message")
        expect(
            keyed.window.cutMessage?.byteCount, cut.map { naive.written - $0.start }, "cut bytes")
    }

    mutating func append() {
        let byteCount = Int.random(in: 1...30, using: &random)
        let key = UInt64.random(in: 0..<keyCount, using: &random)
        let id = keyed.next
        let isTaken = keyed.append(key, byteCount)
        expect(isTaken, naive.messages.count < capacity, "taken")
        guard isTaken else { return }
        let start = naive.appended
        naive.appended += byteCount
        naive.messages.append(.init(id: id, key: key, start: start, end: naive.appended))
        expect(keyed.window.appendedOffset, UInt64(naive.appended), "end offset")
    }

    mutating func submit() {
        let count = Int.random(in: 0...(naive.appended - naive.submitted), using: &random)
        keyed.window.bytesSubmitted(count)
        naive.submitted += count
    }

    mutating func write() {
        let count = Int.random(in: 0...(naive.appended - naive.written), using: &random)
        let before = naive.written
        naive.written += count
        naive.submitted = max(naive.submitted, naive.written)
        let whole = naive.messages.count { $0.end > before && $0.end <= naive.written }
        naive.whole += UInt64(whole)
        let settled =
            keyed.window.mode == .written ? naive.takeWhole(upTo: naive.written) : []
        var ours: [UInt64] = []
        let returned = keyed.window.bytesWritten(count) { ours.append($0) }
        expect(ours, settled, "settled by writing")
        expect(returned, whole, "whole")
    }

    mutating func settle() {
        if keyed.window.mode == .confirmed {
            let key = UInt64.random(in: 0..<(keyCount + 1), using: &random)
            let before = keyed.window.unexpectedAnswers
            let theirs = naive.confirm(key)
            let ours = keyed.confirm(key)
            expect(ours, theirs, "confirmed")
            let unexpected = keyed.window.unexpectedAnswers - before
            expect(unexpected, theirs == nil ? 1 : 0, "unexpected")
        } else {
            let total = Int.random(in: 0...naive.submitted, using: &random)
            naive.acknowledged = max(naive.acknowledged, total)
            let isSettling = keyed.window.mode == .acknowledged
            let theirs = isSettling ? naive.takeWhole(upTo: naive.acknowledged) : []
            var ours: [UInt64] = []
            let returned = keyed.window.bytesAcknowledged(upTo: UInt64(total)) { ours.append($0) }
            expect(ours, theirs, "settled by acknowledgement")
            expect(returned, theirs.count, "settled")
        }
    }

    mutating func abandon() {
        var ours: [UInt64] = []
        var flags: [Bool] = []
        keyed.window.abandon {
            ours.append($0)
            flags.append($1)
        }
        let reached = max(naive.written, naive.acknowledged)
        expect(ours, naive.messages.map(\.id), "abandoned")
        expect(flags, naive.messages.map { $0.start < reached }, "bytes ever written")
        let whole = naive.whole
        naive = NaiveWindow()
        naive.whole = whole
    }
}

@Suite("Delivery window against plain arrays")
struct DeliveryWindowOracleTests {
    @Test("Every mode agrees with the oracle", arguments: DeliveryMode.allCases)
    func modesAgree(mode: DeliveryMode) {
        // If this failed, a message would be settled too early, twice, or never.
        for seed in UInt64(1)...40 {
            var duel = WindowDuel(mode: mode, seed: seed) { hash($0, seed: seed) }
            for _ in 0..<500 { duel.step() }
            let problems = duel.problems
            #expect(problems.isEmpty, "seed \(seed)")
        }
    }

    @Test("Colliding hashes confuse no keys", arguments: [UInt64(0), 1, 3, .max])
    func collisions(mask: UInt64) {
        // If this failed, an answer would confirm a message with another key.
        for seed in UInt64(1)...20 {
            var duel = WindowDuel(mode: .confirmed, seed: seed) { hash($0, seed: 1) & mask }
            for _ in 0..<500 { duel.step() }
            let problems = duel.problems
            #expect(problems.isEmpty, "seed \(seed), mask \(mask)")
        }
    }
}
