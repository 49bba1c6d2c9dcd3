// SPDX-License-Identifier: MIT

import AsyncRuntime
import EventLoops
import Networking
import Testing

/// The backends that every test of this room runs on; a missing one fails.
let backends: [BackendChoice] = [.ioUring, .epoll]

@Suite("Stream connections and listeners")
struct StreamTests {
    @Test("Bytes come back from an echo", arguments: backends)
    func echo(_ choice: BackendChoice) throws {
        // If this failed, nothing could be sent or received.
        let answer = try LoopGroup.run(choice: choice) { group in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            return try await withThrowingTaskGroup(of: [UInt8].self) { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    let connection = try await listener.accept()
                    defer { connection.close() }
                    var all: [UInt8] = []
                    while true {
                        let bytes = try await connection.read(atMost: 1000)
                        if bytes.isEmpty { break }
                        all += bytes
                        try await connection.write(bytes)
                    }
                    try await connection.finishWriting()
                    return all
                }
                let connection = try await StreamConnection.connect(to: listener.address)
                defer { connection.close() }
                try await connection.write(Array("hello ".utf8))
                try await connection.write(Array("mill".utf8))
                try await connection.finishWriting()
                var back: [UInt8] = []
                while true {
                    let bytes = try await connection.read(atMost: 3)
                    if bytes.isEmpty { break }
                    back += bytes
                }
                let seen = try await tasks.next() ?? []
                return seen == back ? back : []
            }
        }
        #expect(answer == Array("hello mill".utf8))
    }

    @Test("A port that another server shares among its loops is busy", arguments: backends)
    func sharedPort(_ choice: BackendChoice) throws {
        // If this failed, two servers could be started on one port and halve each other's load.
        let refusal = try LoopGroup.run(loops: 2, choice: choice) { group -> SystemError? in
            let server = try await StreamServer.open(on: loopback, group: group)
            defer { server.stopAccepting() }
            do throws(SystemError) {
                try await StreamServer.open(on: server.address, group: group).stopAccepting()
                return nil
            } catch {
                return error
            }
        }
        #expect(refusal?.operation == .bind)
        #expect(refusal?.description.contains("EADDRINUSE") == true)
    }

    @Test("A timer resumes its task though nothing else happens", arguments: backends)
    func timerAlone(_ choice: BackendChoice) throws {
        // If this failed, a sleeping task would go on only when something else wakes the loop.
        let limit = Duration.seconds(20)
        let elapsed = try LoopGroup.run(choice: choice) { group in
            let start = ContinuousClock.now
            await withTaskGroup { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    try? await LoopTime.sleep(for: limit)
                }
                try? await LoopTime.sleep(for: .milliseconds(30))
                tasks.cancelAll()
            }
            return ContinuousClock.now - start
        }
        #expect(elapsed >= .milliseconds(30))
        #expect(elapsed < limit / 2)
    }
}

/// A free port on loopback.
var loopback: SocketAddress {
    guard let address = SocketAddress.ipv4(host: "127.0.0.1", port: 0) else {
        preconditionFailure("a literal address")
    }
    return address
}
