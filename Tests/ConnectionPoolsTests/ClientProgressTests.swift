// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import ConnectionPools
import EventLoops
import Networking
import Testing

@Suite("What counts as progress, and why connections end", .timeLimit(.minutes(20)))
struct ClientProgressTests {
    @Test("The connections of all loops take messages", arguments: bothBackends)
    func twoLoops(_ choice: BackendChoice) throws {
        // If this failed, a connection on another loop than the first would not hear that it may
        // serve, and messages wait beside it.
        var configuration = quick(.confirmed, connections: 2)
        configuration.pool.windowCapacity = 2
        configuration.pool.backlogPerConnection = 1
        try withRig(choice, loops: 2, configuration, peer: ClientLimitTests.gated) { rig in
            await rig.send(0..<4)
            // Two are taken by each.
            #expect(await until { rig.client.statistics.waiting == 0 })
            #expect(rig.client.statistics.pool.openConnections == 2)
            rig.arrivals.note([])
            #expect(await rig.settled(4))
            #expect(rig.outcomes.okCount == 4)
        }
    }

    @Test("Bytes that answer nothing are no progress", arguments: bothBackends)
    func junk(_ choice: BackendChoice) throws {
        // If this failed, a peer that sends something and resets would be tried for ever.
        try withRig(choice, quick(.confirmed, connections: 1, attempts: 3)) { peer in
            try? await peer.stream.write(Array("never\n".utf8))
            try? await LoopTime.sleep(for: .milliseconds(5))
            peer.stream.reset()
        } _: { rig in
            await rig.send(0..<1)
            #expect(await rig.settled(1))
            guard case .failed(.gaveUp, _) = rig.outcomes[0] else {
                Issue.record("\(String(describing: rig.outcomes[0]))")
                return
            }
            #expect(rig.client.statistics.pool.attempts == 4)
        }
    }

    @Test("A part of a message is no progress where whole ones count", arguments: bothBackends)
    func partOfMessage(_ choice: BackendChoice) throws {
        // If this failed, a peer that takes some bytes and resets would never be given up, and
        // nothing would ever arrive.
        try withRig(choice, quick(.acknowledged, connections: 1, attempts: 3)) { peer in
            _ = try? await peer.stream.read(atMost: 1)
            peer.stream.reset()
        } _: { rig in
            await rig.send(0..<1) { _ in [UInt8](repeating: 65, count: 16_000_000) }
            #expect(await rig.settled(1))
            #expect(rig.outcomes[0] == .failed(.gaveUp, wasPartlyWritten: true))
            #expect(rig.client.statistics.pool.attempts == 4)
        }
    }

    @Test("A peer that ends its side is told as such", arguments: bothBackends)
    func peerEnds(_ choice: BackendChoice) throws {
        // If this failed, the error would be what the client does about it: that it closes.
        try withRig(choice, quick(.confirmed, connections: 1, attempts: 1)) { peer in
            try? await peer.stream.finishWriting()
            await peer.stall()
        } _: { rig in
            await rig.send(0..<1)
            await rig.client.waitUntilFinished()
            await #expect(throws: PoolError.gaveUp(ConnectionError(.peerClosed))) {
                try await rig.client.send([65])
            }
        }
    }

    @Test(
        "A peer that ends its side in the middle of a write is told as such",
        arguments: bothBackends)
    func peerEndsInWrite(_ choice: BackendChoice) throws {
        // If this failed, the error would be that the client cancelled its write; or a peer that
        // takes nothing more would hold the connection, and the client's end, for ever.
        try withRig(choice, quick(.written, connections: 1)) { peer in
            try? await peer.stream.finishWriting()
            await peer.stall()
        } _: { rig in
            await rig.send(0..<1) { _ in [UInt8](repeating: 65, count: 16_000_000) }
            #expect(await until { rig.client.statistics.pool.disconnects > 0 })
            #expect(rig.client.statistics.pool.lastError?.reason == .peerClosed)
        }
    }

    @Test("A connection that has carried nothing made no progress", arguments: bothBackends)
    func nothingAcknowledged(_ choice: BackendChoice) throws {
        // If this failed, a peer that accepts and cuts would be tried for ever, without a pause.
        var configuration = quick(.written, connections: 2)
        configuration.pool.backlogPerConnection = 1
        try withRig(choice, configuration) { peer in
            let soon = MonotonicInstant.now.advanced(by: .milliseconds(500))
            let bytes = try? await peer.stream.read(atMost: 65_536, until: soon)
            if let bytes, !bytes.isEmpty { await peer.stall() } else { peer.stream.reset() }
        } _: { rig in
            await rig.send(0..<8)
            #expect(await rig.settled(8))
            #expect(await until { rig.client.statistics.pool.disconnects >= 1 })
            #expect(rig.client.statistics.pool.failedAttempts >= 1)
        }
    }
}
