// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CTestSupport
import ConnectionPools
import EventLoops
import Glibc
import Networking
import Testing

@Suite("Many reconnections", .timeLimit(.minutes(20)), .serialized)
struct ReconnectionTests {
    @Test("A thousand reconnections leave nothing behind", arguments: bothBackends)
    func thousand(_ choice: BackendChoice) throws {
        // If this failed, a client that lives for weeks would run out of descriptors or memory.
        var configuration = quick(.confirmed, connections: 2)
        configuration.pool.windowCapacity = 4
        try withRig(choice, configuration) { peer in
            // One answer each, so that the connection counts as progress, and then a reset.
            await peer.lines { line in
                try? await peer.stream.write(answer(line))
                return false
            }
            peer.stream.reset()
        } _: { rig in
            @Sendable func line(_ number: Int) -> [UInt8] { numbered(number % 100) }
            await rig.send(0..<300, line)
            #expect(await rig.settled(300, within: 300))
            let memory = test_resident_byte_count()
            let disconnects = rig.client.statistics.pool.disconnects
            await rig.send(300..<1400, line)
            #expect(await rig.settled(1400, within: 300))
            let statistics = rig.client.statistics
            #expect(statistics.pool.disconnects - disconnects >= 1000)
            #expect(statistics.delivered == 1400 && statistics.failed == 0)
            #expect(rig.outcomes.repeatedCount == 0)
            #expect(rig.arrivals.openMax <= 2)
            // Other tests run beside this one and have connections of their own; a leak of one
            // descriptor each time would be a thousand.
            #expect(test_descriptor_count() < 600)
            // A window and a write buffer each time would be 25,000 pages.
            #expect(test_resident_byte_count() - memory < 32 << 20)
        }
    }

    @Test(
        "One connection carries messages in order, however often it breaks", arguments: bothBackends
    )
    func order(_ choice: BackendChoice) throws {
        // If this failed, what one connection gave back would be sent behind what an earlier one
        // had given back, and messages that nobody else could carry would change places.
        let count = 12
        let (configuration, options) = slowly(.confirmed)
        try withRig(choice, configuration, serverOptions: options) { peer in
            if peer.number == 1 {
                // The first message has been taken from those that came back, and no other.
                _ = try? await peer.stream.read(atMost: 1)
                return peer.stream.reset()
            }
            var next = 0
            await peer.lines { line in
                if answer(line) != Array("\(next)\n".utf8) { peer.arrivals.note([0]) }
                next += 1
                if peer.number == 0 { return next < 5 }
                try? await peer.stream.write(answer(line))
                return true
            }
            peer.stream.reset()
        } _: { rig in
            await rig.send(0..<count) { number in
                Array("\(number) ".utf8) + [UInt8](repeating: 120, count: 200_000) + [10]
            }
            #expect(await rig.settled(count))
            #expect(rig.outcomes.okCount == count)
            #expect(rig.arrivals.connectionCount == 3)
            #expect(rig.arrivals.count(of: [0]) == 0)
        }
    }
}
