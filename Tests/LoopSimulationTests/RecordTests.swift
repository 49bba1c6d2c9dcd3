// SPDX-License-Identifier: MIT

import AsyncRuntime
import BackendConformance
import CLinuxShims
import EventLoops
import LoopSimulation
import Networking
import Testing

@Suite("The same program on three backends")
struct RecordTests {
    @Test("is asked of each the same, and told the same")
    func isToldTheSame() throws {
        // Wrong: a loop does on one backend what it does not on the others, or hears of it in
        // another order; what is found in simulation would then say little of the kernel's.
        let uring = try record(.ioUring)
        #expect(uring.joined().contains("receive the end"))
        #expect(uring.joined().contains("fails with \(MILLRACE_ECONNREFUSED)"))
        #expect(uring.joined().contains("fails with \(MILLRACE_ECONNRESET)"))
        #expect(try record(.epoll) == uring)
        #expect(try recordInMemory() == uring)
    }

    @Test("differs where the programs differ")
    func differs() throws {
        // Wrong: records are equal whatever happens, and comparing them shows nothing.
        #expect(try record(.epoll) != record(.epoll, messages: [5, 700]))
    }

    // MARK: The program

    private func record(
        _ choice: BackendChoice, messages: [Int] = [5, 800]
    ) throws -> [String] {
        try record(messages) { options throws(SystemError) in
            try choice.open(options: options).backend
        }
    }

    private func recordInMemory() throws -> [String] {
        let world = SimulatedWorld(seed: 1, clock: .live)
        world.enter()
        defer { SimulatedWorld.leave() }
        return try record([5, 800]) { SimulatedBackend(world, options: $0) }
    }

    /// A server that echoes, and clients one after the other: one that talks and ends, one that
    /// resets, one whom nobody listens to.
    private func record(
        _ messages: [Int], _ open: (LoopOptions) throws(SystemError) -> any EventBackend
    ) throws -> [String] {
        let record = OperationRecord()
        try LoopGroup.run { options throws(SystemError) in
            let backend = WatchedBackend(try open(options))
            backend.record = record
            return SelectedBackend(backend: backend, reason: "watched")
        } _: { group in
            let address = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 0))
            let server = try await StreamServer.open(on: address, group: group)
            try await withThrowingDiscardingTaskGroup { tasks in
                tasks.addTask(executorPreference: group.executors[0]) { await echo(server) }
                try await talk(messages, to: server.address)
                try await reset(server.address)
                server.stopAccepting()
            }
            await #expect(throws: SystemError.self) {
                try await StreamConnection.connect(to: server.address)
            }
        }
        return record.lines
    }

    private func echo(_ server: StreamServer) async {
        await server.run { connection in
            while let bytes = try? await connection.read(atMost: 4096), !bytes.isEmpty {
                guard (try? await connection.write(bytes)) != nil else { return }
            }
        }
    }

    private func talk(_ messages: [Int], to address: SocketAddress) async throws {
        let connection = try await StreamConnection.connect(to: address)
        for count in messages {
            try await connection.write([UInt8](repeating: 7, count: count))
            var received = 0
            while received < count {  // Ends: each turn takes a byte or more.
                received += try await connection.read(atMost: 4096).count
            }
        }
        try await connection.finishWriting()
        #expect(try await connection.read(atMost: 1).isEmpty)
        connection.close()
    }

    private func reset(_ address: SocketAddress) async throws {
        let connection = try await StreamConnection.connect(to: address)
        try await connection.write([1])
        _ = try await connection.read(atMost: 1)
        connection.reset()
    }
}
