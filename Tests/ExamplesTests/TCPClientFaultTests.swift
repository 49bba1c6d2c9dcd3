// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import Testing

#if Examples
    /// A fault on a backend.
    struct FaultyRun: CustomTestStringConvertible, Sendable {
        let backend: String
        let fault: Fault
        var testDescription: String { "\(backend), \(fault)" }

        static let all = bothBackends.flatMap { backend in
            [
                Fault.none, .reset(after: 30), .close(after: 30), .halfClose(after: 30),
                .stall(after: 60),
            ].map { FaultyRun(backend: backend, fault: $0) }
        }
    }

    @Suite("The TCP client against faulty peers", .serialized)
    struct TCPClientFaultTests {
        @Test("Every message is confirmed whatever the peer does", arguments: FaultyRun.all)
        func confirmed(_ run: FaultyRun) throws {
            // If this failed, messages would be lost, invented, or doubled without need.
            let peer = try FaultyPeer(run.fault)
            let client = try startClient(
                to: peer.address,
                [
                    "--acks", "lines", "--messages", "900", "--outcomes", "-", "--write-timeout",
                    "150ms", "--loops", "2",
                ], backend: run.backend)
            let ending = try client.end(seconds: 20)
            let record = peer.stop()
            #expect(ending.status == 0, "\(ending.errorOutput)")
            let outcomes = try OutcomeLines(ending.output, count: 900)
            #expect(outcomes.ok.count == 900)
            checkHonesty(outcomes, record)
            #expect(record.arrivals.count == 900)
            if case .none = run.fault { #expect(record.lines.count == 900) }
        }

        @Test(
            "The weaker modes give one outcome each as well",
            arguments: bothBackends, ["written", "acknowledged"])
        func weakerModes(_ backend: String, _ delivery: String) throws {
            // If this failed, a message would have two outcomes or none when its connection broke.
            let peer = try FaultyPeer(.reset(after: 30), answers: false)
            let client = try startClient(
                to: peer.address,
                ["--delivery", delivery, "--messages", "2000", "--outcomes", "-"],
                backend: backend)
            let ending = try client.end(seconds: 20)
            let record = peer.stop()
            let outcomes = try OutcomeLines(ending.output, count: 2000)
            #expect(ending.status == (outcomes.failed.isEmpty ? 0 : 1))
            #expect(record.openMax <= 4)
            #expect(ending.errorOutput.contains("'ok' means"))
        }

        @Test("A peer that resets at once is given up", arguments: bothBackends)
        func resetAtOnce(_ backend: String) throws {
            // If this failed, the client would hammer a broken peer for ever.
            let peer = try FaultyPeer(.resetAtOnce)
            let client = try startClient(
                to: peer.address,
                [
                    "--acks", "lines", "--messages", "500", "--outcomes", "-", "--connections",
                    "1", "--max-reconnect-attempts", "3",
                ], backend: backend)
            let ending = try client.end()
            let record = peer.stop()
            #expect(ending.status == 1)
            #expect(try OutcomeLines(ending.output, count: 500).allFailed("gave-up"))
            #expect(record.acceptInstants.count == 4)
            // Pauses of 100, 200 and 400 ms, of which chance may take half.
            for (index, shortest) in [50, 100, 200].enumerated() {
                let pause = record.acceptInstants[index + 1] - record.acceptInstants[index]
                #expect(pause >= UInt64(shortest) * 1_000_000)
            }
        }

        @Test("Several connections do not multiply the attempts", arguments: bothBackends)
        func boundedAttempts(_ backend: String) throws {
            // If this failed, a larger pool would try more often than it was allowed to.
            let peer = try FaultyPeer(.resetAtOnce)
            let client = try startClient(
                to: peer.address,
                [
                    "--acks", "lines", "--messages", "5000", "--outcomes", "-",
                    "--max-reconnect-attempts", "4", "--queue", "8192",
                ], backend: backend)
            let ending = try client.end()
            let record = peer.stop()
            #expect(ending.status == 1)
            #expect(try OutcomeLines(ending.output).allFailed("gave-up"))
            #expect(record.acceptInstants.count <= 4 + 1 + 4)
        }

        @Test("A peer that never accepts is given up", arguments: bothBackends)
        func neverAccepts(_ backend: String) throws {
            // If this failed, the client would wait for answers that never come.
            let peer = try FaultyPeer(.neverAccept)
            let client = try startClient(
                to: peer.address,
                [
                    "--acks", "lines", "--messages", "100", "--outcomes", "-",
                    "--max-reconnect-attempts", "1", "--write-timeout", "100ms",
                ], backend: backend)
            let ending = try client.end()
            _ = peer.stop()
            #expect(ending.status == 1)
            #expect(try OutcomeLines(ending.output, count: 100).allFailed("gave-up"))
        }

        @Test("Nobody there: attempts end", arguments: bothBackends, [0, 2])
        func refused(_ backend: String, _ attempts: Int) throws {
            // If this failed, a wrong port would be tried for ever, or not often enough.
            let peer = try FaultyPeer()
            _ = peer.stop()
            let client = try startClient(
                to: peer.address,
                [
                    "--messages", "20", "--outcomes", "-", "--max-reconnect-attempts",
                    "\(attempts)",
                ], backend: backend)
            let ending = try client.end()
            #expect(ending.status == 1)
            // It may give up before it has read them all.
            let outcomes = try OutcomeLines(ending.output)
            #expect(outcomes.allFailed("gave-up"))
            #expect(ending.errorOutput.contains("messages: \(outcomes.order.count) read, 0 ok"))
            let text = "\(attempts + 1) attempt\(attempts == 0 ? "" : "s"), 0 connected"
            #expect(ending.errorOutput.contains(text))
        }

        @Test("A silent input does not keep a client that gave up")
        func gaveUpWhileReading() throws {
            // If this failed, a service without its peer would sit there and do nothing.
            let peer = try FaultyPeer()
            _ = peer.stop()
            let client = try startClient(
                to: peer.address, ["--outcomes", "-", "--max-reconnect-attempts", "1"],
                hasInput: true)
            try client.write("one\n")
            let ending = try client.end()
            #expect(ending.status == 1)
            #expect(ending.output == "failed 0 gave-up\n")
            #expect(ending.errorOutput.contains("gave up before the end of the input"))
            #expect(ending.errorOutput.contains("the last: refused"))
        }

        @Test("A peer that comes back is found", arguments: bothBackends)
        func comesBack(_ backend: String) throws {
            // If this failed, a restart of the peer would lose messages or end the client.
            let first = try FaultyPeer()
            let client = try startClient(
                to: first.address,
                ["--acks", "lines", "--outcomes", "-", "--rate", "2000", "--messages", "3000"],
                backend: backend)
            try client.wait("lines") { first.lineCount > 500 }
            var record = first.stop()
            _ = poll(nil, 0, 300)
            let second = try FaultyPeer(port: first.port)
            let ending = try client.end()
            let rest = second.stop()
            #expect(ending.status == 0, "\(ending.errorOutput)")
            let outcomes = try OutcomeLines(ending.output, count: 3000)
            #expect(outcomes.ok.count == 3000)
            record.answered.formUnion(rest.answered)
            #expect(outcomes.ok.allSatisfy { record.answered.contains("\($0)") })
            #expect(rest.openMax <= 4)
        }

        @Test("A thousand reconnections leave nothing behind", arguments: bothBackends)
        func manyReconnections(_ backend: String) throws {
            // If this failed, a client would run out of descriptors or memory in a bad network, or
            // lose answers that lie there when a write is told of the reset: then it needs more
            // connections, and may give up.
            let peer = try FaultyPeer(.reset(after: 10))
            let client = try startClient(
                to: peer.address,
                [
                    "--acks", "lines", "--messages", "15000", "--outcomes", "-", "--queue", "64",
                ], backend: backend)
            try client.wait("200 connections") { peer.acceptCount >= 200 }
            let memory = client.residentByteCount
            let descriptorsBefore = client.descriptorCount
            var descriptors = 0
            try client.wait("1,300 connections", seconds: 20) {
                descriptors = max(descriptors, client.descriptorCount)
                return peer.acceptCount >= 1300
            }
            #expect(client.residentByteCount - memory < 4 << 20)
            let ending = try client.end(seconds: 20)
            let record = peer.stop()
            #expect(ending.status == 0)
            #expect(descriptors <= descriptorsBefore + 5)
            let outcomes = try OutcomeLines(ending.output, count: 15000)
            #expect(outcomes.ok.count == 15000)
            #expect(record.acceptInstants.count <= 1510)  // Ten answers each.
            checkHonesty(outcomes, record)
        }
    }
#endif
