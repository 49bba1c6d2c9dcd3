// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import ConnectionPools
import EventLoops
import Glibc
import Networking
import Testing

@Suite("What the peer's kernel acknowledged", .timeLimit(.minutes(20)))
struct AcknowledgedModeTests {
    /// A thousand bytes with a number in front.
    @Sendable static func block(_ number: Int) -> [UInt8] {
        let head = Array("\(number) ".utf8)
        return head + [UInt8](repeating: 120, count: 999 - head.count) + [10]
    }

    @Test("Exactly the unacknowledged tail is sent again", arguments: bothBackends)
    func tail(_ choice: BackendChoice) throws {
        // If this failed, bytes that the peer's kernel never had would count as delivered, or
        // bytes that it had would be sent twice.
        let count = 8000
        let received = Atomic<Int>(0)
        var configuration = quick(.acknowledged, connections: 1)
        configuration.pool.windowCapacity = 8192
        configuration.pool.writeTimeoutNanoseconds = 20_000_000_000
        try withRig(choice, configuration) { peer in
            guard peer.number == 0 else { return await peer.lines() }
            // Reads nothing: when its kernel takes no more, it resets. What its kernel has got by
            // then is what it has acknowledged; TCP_INFO tells both ends the same. The client lives
            // on this loop and has had a turn between two looks, which may have been a late one.
            var before = -1
            var equalLooks = 0
            while equalLooks < 5 {
                try? await LoopTime.sleep(for: .milliseconds(100))
                let now = receivedByteCount(peer.stream.descriptor)
                equalLooks = now == before ? equalLooks + 1 : 0
                before = now
            }
            received.store(before, ordering: .relaxed)
            peer.stream.reset()
        } _: { rig in
            await rig.send(0..<count, Self.block)
            #expect(await rig.settled(count))
            #expect(rig.outcomes.okCount == count)
            #expect(rig.outcomes.repeatedCount == 0)
            #expect(await until { rig.arrivals.count(of: Self.block(count - 1).dropLast()) == 1 })
            let bytes = received.load(ordering: .relaxed)
            #expect(bytes > 10_000 && bytes < count * 1000)
            // Whole messages in the acknowledged prefix settled with the first connection and are
            // not repeated. The peer reset without reading them: its program never saw them. This
            // is the limit of the mode, and why there is a third one.
            let prefix = bytes / 1000
            for number in 0..<count {
                let times = rig.arrivals.count(of: Self.block(number).dropLast())
                if times != (number < prefix ? 0 : 1) {
                    Issue.record("message \(number) of \(prefix) came \(times) times")
                    return
                }
            }
            #expect(rig.client.statistics.delivered == UInt64(count))
            #expect(rig.client.statistics.resent > 0)
        }
    }

    @Test("Nothing settles before its last byte is acknowledged")
    func partly() throws {
        // If this failed, a message of which the peer's kernel has one half would be delivered.
        var configuration = quick(.acknowledged, connections: 1)
        configuration.pool.writeTimeoutNanoseconds = 20_000_000_000
        try withRig(.epoll, configuration) { peer in
            guard await until({ peer.arrivals.distinctCount > 0 }) else { return }
            await peer.lines()
        } _: { rig in
            let long = [UInt8](repeating: 65, count: 8_000_000) + [10]
            _ = try await rig.client.send(long, ticket: MessageTicket(rawValue: 0))
            #expect(await until { rig.client.statistics.bytesWritten > 0 })
            try? await LoopTime.sleep(for: .milliseconds(100))
            #expect(rig.outcomes.count == 0)
            rig.arrivals.note([1])
            #expect(await rig.settled(1))
            #expect(rig.outcomes[0] == .ok)
            #expect(await until { rig.arrivals.count(of: long.dropLast()) == 1 })
        }
    }

    @Test("A short message settles while a long one behind it is on its way")
    func longBehindShort() throws {
        // If this failed, a long write would end a connection whose peer reads all the time, for
        // want of an acknowledgement that nobody asked for.
        let (slow, options) = slowly(.acknowledged)
        var configuration = slow
        configuration.pool.answerTimeoutNanoseconds = 1_500_000_000
        configuration.pool.writeTimeoutNanoseconds = 20_000_000_000
        try withRig(.epoll, configuration, serverOptions: options, peer: { await $0.slowly() }) {
            rig in
            await rig.send(0..<2) { number in
                [UInt8](repeating: 65, count: number == 0 ? 10 : 12_000_000)
            }
            #expect(await rig.settled(2))
            #expect(rig.client.statistics.pool.disconnects == 0)
        }
    }
}

/// tcpi_bytes_received, the seventeenth 64-bit word of what TCP_INFO tells (linux/tcp.h): bytes in
/// order that this end's kernel got, and so acknowledged.
private func receivedByteCount(_ descriptor: Int32) -> Int {
    var words = [UInt64](repeating: 0, count: 40)
    var length = socklen_t(words.count * 8)
    // SAFETY: the callee writes at most `length` bytes.
    let result = unsafe getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_INFO, &words, &length)
    return result == 0 ? Int(words[16]) : -2
}

extension ArrivalLog {
    func count(of line: ArraySlice<UInt8>) -> Int { count(of: Array(line)) }
}
