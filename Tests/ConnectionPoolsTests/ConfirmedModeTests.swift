// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import ConnectionPools
import EventLoops
import Networking
import StressSupport
import Testing

@Suite("What the peer's program answers", .timeLimit(.minutes(20)))
struct ConfirmedModeTests {
    @Test("Answers in any order, cut at every byte", arguments: bothBackends)
    func anyOrder(_ choice: BackendChoice) throws {
        // If this failed, an answer would be taken for another, or lost at the edge of a buffer.
        try withRig(choice, quick(.confirmed, connections: 1)) { peer in
            var words: [[UInt8]] = []
            await peer.lines { line in
                words.append(answer(line))
                return words.count < 200
            }
            var random = SplitMix64(seed: 7)
            words.shuffle(using: &random)
            let text = words.flatMap { word -> [UInt8] in
                [32, 9] + Array(word.dropLast()) + Array(" fine\r\n".utf8)
            }
            for byte in text { try? await peer.stream.write([byte]) }
            await peer.stall()
        } _: { rig in
            await rig.send(0..<200)
            #expect(await rig.settled(200))
            #expect(rig.outcomes.okCount == 200)
            #expect(rig.client.statistics.unexpectedAnswers == 0)
            #expect(rig.client.statistics.resent == 0)
        }
    }

    @Test("Equal first words are answered in sending order")
    func equalWords() throws {
        // If this failed, of two equal words the later message could be confirmed by the answer to
        // the earlier one, and be lost.
        try withRig(.epoll, quick(.confirmed, connections: 1)) { peer in
            var count = 0
            await peer.lines { _ in
                count += 1
                return count < 30
            }
            try? await peer.stream.write(Array("same\nsame\nsame\n".utf8))
            guard await until({ peer.arrivals.count(of: [0]) > 0 }) else { return }
            try? await peer.stream.write(Array(String(repeating: "same\n", count: 27).utf8))
            await peer.stall()
        } _: { rig in
            await rig.send(0..<30) { _ in Array("same text\n".utf8) }
            #expect(await rig.settled(3))
            for number in 0..<30 { #expect(rig.outcomes[number] == (number < 3 ? .ok : nil)) }
            rig.arrivals.note([0])
            #expect(await rig.settled(30))
            #expect(rig.outcomes.okCount == 30)
        }
    }

    @Test("Unexpected answers confirm nothing")
    func unexpected() throws {
        // If this failed, a peer that answers too much would confirm what it never got, or cost
        // memory without a bound.
        try withRig(.epoll, quick(.confirmed, connections: 1)) { peer in
            try? await peer.stream.write(Array("1\n2 x\nnever\n\n".utf8))
            let long = [UInt8](repeating: 65, count: 2_000_000) + [10]
            try? await peer.stream.write(long)
            await peer.lines { line in
                try? await peer.stream.write(Array("0\n0\n00\n".utf8))
                return true
            }
        } _: { rig in
            await rig.send(0..<1)
            #expect(await until { rig.client.statistics.unexpectedAnswers == 7 })
            #expect(rig.outcomes.okCount == 1)
            #expect(rig.client.statistics.delivered == 1)
        }
    }

    @Test("An empty line is a message, and a long word is one", arguments: bothBackends)
    func emptyAndLong(_ choice: BackendChoice) throws {
        // If this failed, lines without a word could not be confirmed, or words longer than a
        // buffer.
        let lines: [[UInt8]] = [
            [10], Array("  \t\n".utf8), Array("\r\n".utf8), Array("x\n".utf8),
            [UInt8](repeating: 66, count: 100_000) + [10],
            [UInt8](repeating: 67, count: 40_000) + Array(" rest\n".utf8),
        ]
        try withRig(choice, quick(.confirmed, connections: 1)) { peer in
            await peer.lines { line in
                try? await peer.stream.write(
                    Array(line.drop { $0 == 32 || $0 == 9 }.prefix { $0 > 32 }) + [10])
                return true
            }
        } _: { rig in
            await rig.send(0..<lines.count) { lines[$0] }
            #expect(await rig.settled(lines.count))
            #expect(rig.outcomes.okCount == lines.count)
            #expect(rig.client.statistics.unexpectedAnswers == 0)
        }
    }

    @Test("A message that is answered before its end arrives whole", arguments: bothBackends)
    func earlyAnswer(_ choice: BackendChoice) throws {
        // If this failed, an early answer would give back the memory that the kernel is sending, or
        // would be no progress.
        let count = 8
        var configuration = quick(.confirmed, connections: 1)
        configuration.stream.sendBufferByteCount = 32_768
        var options = StreamOptions()
        options.receiveBufferByteCount = 32_768
        try withRig(choice, configuration, serverOptions: options) { peer in
            if peer.number == 0 { return peer.stream.reset() }
            var bytes: [UInt8] = []
            for number in 0..<count {
                if bytes.isEmpty { bytes = (try? await peer.stream.read(atMost: 1)) ?? [] }
                // Its first bytes are there; the kernel cannot have taken all of it.
                try? await peer.stream.write(Array("\(number)\n".utf8))
                try? await LoopTime.sleep(for: .milliseconds(2))
                var scanned = 0
                while !bytes[scanned...].contains(10) {
                    scanned = bytes.count
                    guard let more = try? await peer.stream.read(atMost: 65_536), !more.isEmpty
                    else { return }
                    bytes += more
                }
                let end = (bytes.firstIndex(of: 10) ?? 0) + 1
                peer.arrivals.note(Array(bytes[..<end]))
                bytes.removeFirst(end)
            }
            await peer.stall()
        } _: { rig in
            @Sendable func long(_ number: Int) -> [UInt8] {
                Array("\(number) ".utf8)
                    + [UInt8](repeating: UInt8(65 + number), count: 600_000) + [10]
            }
            for number in 0..<count {
                await rig.send(number..<number + 1, long)
                // What is freed too early is written over here.
                let noise = [UInt8](repeating: 0, count: 600_000)
                #expect(noise.count == 600_000)
                #expect(await rig.settled(number + 1))
                #expect(await until { rig.client.statistics.pool.failedAttempts == 0 })
            }
            #expect(rig.outcomes.okCount == count)
            #expect(await until { rig.arrivals.distinctCount == count })
            for number in 0..<count { #expect(rig.arrivals.count(of: long(number)) == 1) }
        }
    }

    @Test("A message that is answered before its write fails is told", arguments: bothBackends)
    func earlyAnswerAndReset(_ choice: BackendChoice) throws {
        // If this failed, its outcome would never be told.
        let (configuration, options) = slowly(.confirmed)
        try withRig(choice, configuration, serverOptions: options) { peer in
            guard peer.number == 0 else { return await peer.stall() }
            _ = try? await peer.stream.read(atMost: 1)
            try? await peer.stream.write(Array("0\n".utf8))
            // The client hears of it while its write goes on.
            try? await LoopTime.sleep(for: .milliseconds(300))
            peer.stream.reset()
        } _: { rig in
            await rig.send(0..<1) { number in
                Array("\(number) ".utf8) + [UInt8](repeating: 65, count: 12_000_000) + [10]
            }
            #expect(await rig.settled(1))
            #expect(rig.outcomes[0] == .ok)
            #expect(rig.client.statistics.delivered == 1 && rig.client.statistics.resent == 0)
        }
    }
}
