// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Glibc
import Networking
import Testing

@Suite("One Unix socket, several loops")
struct UnixServerTests {
    @Test("Each loop gets its share, and every byte comes back", arguments: backends)
    func sharesAreEqual(_ choice: BackendChoice) throws {
        // If this failed, a handed-over connection would lose bytes, or one loop do all the work.
        let path = "/tmp/millrace-shares-\(MonotonicInstant.now.nanoseconds)"
        defer { removeFile(path) }
        let address = try #require(SocketAddress.unix(path: path))
        let shares = Shares()
        try LoopGroup.run(loops: 2, choice: choice) { group in
            let server = try await StreamServer.open(on: address, group: group)
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    await server.run { connection in
                        if connection.executor === group.executors[0] {
                            shares.first.add(1, ordering: .relaxed)
                        } else {
                            shares.second.add(1, ordering: .relaxed)
                        }
                        #expect(connection.executor.loop.isCurrent)
                        try? await echo(connection)
                        try? await connection.finishWriting()
                    }
                }
                defer { server.stopAccepting() }
                try await withThrowingTaskGroup(of: Void.self) { clients in
                    for number in 0..<60 {
                        clients.addTask(executorPreference: group.executors[number % 2]) {
                            try await exchange(number, with: address)
                            shares.right.add(1, ordering: .relaxed)
                        }
                    }
                    try await clients.waitForAll()
                }
            }
        }
        #expect(shares.right.load(ordering: .relaxed) == 60)
        #expect(shares.first.load(ordering: .relaxed) == 30)
        #expect(shares.second.load(ordering: .relaxed) == 30)
    }

    @Test(
        "Closing a listener closes the connections that nobody has asked for", arguments: backends)
    func closingTakesTheWaitingAlong(_ choice: BackendChoice) throws {
        // If this failed, clients of a stopped server would wait for ever.
        let path = "/tmp/millrace-waiting-\(MonotonicInstant.now.nanoseconds)"
        defer { removeFile(path) }
        let address = try #require(SocketAddress.unix(path: path))
        let codes = try LoopGroup.run(choice: choice) { _ in
            let listener = try StreamListener(on: address)
            let clients = [
                try await StreamConnection.connect(to: address),
                try await StreamConnection.connect(to: address),
                try await StreamConnection.connect(to: address),
            ]
            defer { for client in clients { client.close() } }
            // Accepting one begins a stream of them: the others wait in the listener.
            let first = try await listener.accept()
            try await LoopTime.sleep(for: .milliseconds(20))
            listener.close()
            // Nor are they handed out any more.
            let refusal = await code { try await listener.accept().close() }
            first.close()
            var codes: [Int32] = []
            for client in clients {
                codes.append(
                    await code {
                        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 1_000_000_000)
                        _ = try await client.read(atMost: 1, until: deadline)
                    })
            }
            return codes + [refusal]
        }
        #expect(codes == [0, 0, 0, ECANCELED])
    }

    @Test("Stopping while connections are handed over leaks nothing", arguments: backends)
    func stopping(_ choice: BackendChoice) throws {
        // If this failed, a restarting server would lose descriptors, or a client wait for ever for
        // a connection that fell between two loops.
        let lines = try child("handover", choice)
        #expect(lines == ["no leak", "operations: [0, 0], stuck: 0", "served"])
    }
}

private final class Shares: Sendable {
    let first = Atomic<Int>(0)
    let second = Atomic<Int>(0)
    let right = Atomic<Int>(0)
}

/// Sends bytes that only this client sends, and reads them back.
private func exchange(_ number: Int, with address: SocketAddress) async throws {
    let connection = try await StreamConnection.connect(to: address)
    defer { connection.close() }
    let sent = (0..<50_000).map { UInt8(truncatingIfNeeded: ($0 &+ number) &* 7919 &>> 5) }
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
            try await connection.write(sent)
            try await connection.finishWriting()
        }
        let back = try await readAll(connection, atMost: 10_000)
        #expect(back == sent)
        try await tasks.waitForAll()
    }
}
