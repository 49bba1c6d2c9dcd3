// SPDX-License-Identifier: MIT

import AsyncRuntime
import EventLoops
import Networking
import PollBackends
import Testing

@Suite("Tasks and sockets on poll", .serialized)
struct EchoTests {
    @Test("Many connections, each ended by its client, give back what they got")
    func manyConnections() throws {
        // If this failed, connections on a brought backend would mix up or lose bytes or their end.
        let wrong = try LoopGroup.run(loops: 2, backend: PollBackend.open) { group in
            #expect(group.selection == "poll: brought along")
            return try await echo(clients: 100, in: group) { number in
                pattern(number * 997, from: number)
            }
        }
        #expect(wrong.isEmpty, "these clients got other bytes: \(wrong)")
    }

    @Test("Large transfers in both directions at the same time")
    func largeTransfers() throws {
        // If this failed, full sockets, pauses for want of credit, or shared buffers that run dry
        // would lose bytes.
        var options = LoopOptions()
        options.receiveBufferCount = 8
        options.receiveBufferByteCount = 4096
        options.receiveCredit = 4
        let wrong = try LoopGroup.run(loops: 2, options: options, backend: PollBackend.open) {
            group in
            try await echo(clients: 4, in: group) { pattern(3_000_000 + $0, from: $0) }
        }
        #expect(wrong.isEmpty, "these clients got other bytes: \(wrong)")
    }

    @Test("A read that gets nothing is given up in time, and the connection goes on")
    func deadline() throws {
        // If this failed, a cancelled operation on a brought backend would hang or take bytes away.
        let answer = try LoopGroup.run(backend: PollBackend.open) { group in
            try await withServer(in: group) { address in
                let connection = try await StreamConnection.connect(to: address)
                defer { connection.close() }
                do {
                    _ = try await LoopTime.withDeadline(after: .milliseconds(20)) {
                        try await connection.read(atMost: 10)
                    }
                } catch let error as SystemError where error.isTimeout {
                    try await connection.write([1, 2, 3])
                    return try await connection.read(atMost: 10)
                }
                return []
            }
        }
        #expect(answer == [1, 2, 3])
    }
}

/// Bytes that tell their place: a block of a prime length again and again.
private func pattern(_ count: Int, from start: Int) -> [UInt8] {
    let block = (0..<4099).map { UInt8(truncatingIfNeeded: ($0 + start) &* 31 ^ $0 >> 5) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count { bytes += block.prefix(count - bytes.count) }
    return bytes
}

/// Runs an echo server while `body` runs.
private func withServer<Value: Sendable>(
    in group: LoopGroup, _ body: @escaping @Sendable (SocketAddress) async throws -> Value
) async throws -> Value {
    let any = try #require(SocketAddress.ipv4(host: "127.0.0.1", port: 0))
    let server = try await StreamServer.open(on: any, group: group)
    async let serving: Void = server.run(echo)
    do {
        let value = try await body(server.address)
        server.stopAccepting()
        await serving
        return value
    } catch {
        server.stopAccepting()
        await serving
        throw error
    }
}

/// Sends back what comes; ends after the client has.
private func echo(_ connection: StreamConnection) async {
    do {
        while true {  // Ends with the client's end.
            let bytes = try await connection.read(atMost: 65_536)
            if bytes.isEmpty { break }
            try await connection.write(bytes)
        }
        try await connection.finishWriting()
    } catch {
        Issue.record("a connection broke: \(error)")
    }
}

/// Lets every client send its bytes and read until the end; the numbers of those that got others.
/// A minute is enough for all: what hangs is cancelled.
private func echo(
    clients: Int, in group: LoopGroup, _ bytes: @escaping @Sendable (Int) -> [UInt8]
) async throws -> [Int] {
    try await LoopTime.withDeadline(after: .seconds(60)) {
        try await withServer(in: group) { address in
            try await withThrowingTaskGroup(of: Int?.self) { tasks in
                for number in 0..<clients {
                    tasks.addTask(executorPreference: group.nextExecutor) {
                        let sent = bytes(number)
                        return try await ask(sent, at: address) == sent ? nil : number
                    }
                }
                return try await tasks.reduce(into: []) { wrong, number in
                    if let number { wrong.append(number) }
                }
            }
        }
    }
}

/// Writes in pieces of growing size and finishes, while it reads until the server has finished.
private func ask(_ bytes: [UInt8], at address: SocketAddress) async throws -> [UInt8] {
    let connection = try await StreamConnection.connect(to: address)
    defer { connection.close() }
    async let written: Void = {
        var sent = 0
        var size = 1
        while sent < bytes.count {  // Ends: every turn sends at least one byte, or throws.
            let piece = Array(bytes[sent...].prefix(size))
            try await connection.write(piece)
            sent += piece.count
            size = min(size * 3, 200_000)
        }
        try await connection.finishWriting()
    }()
    var answer: [UInt8] = []
    while true {  // Ends with the server's end.
        let piece = try await connection.read(atMost: 65_536)
        if piece.isEmpty { break }
        answer += piece
    }
    try await written
    return answer
}
