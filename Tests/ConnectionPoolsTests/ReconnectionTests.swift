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
}
