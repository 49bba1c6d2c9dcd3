// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Glibc
import Networking

/// A free port on loopback.
var loopback: SocketAddress {
    guard let address = SocketAddress.ipv4(host: "127.0.0.1", port: 0) else {
        preconditionFailure("a literal address")
    }
    return address
}

/// A deadline that comes at once.
var soon: MonotonicInstant { .now.advanced(byNanoseconds: 30_000_000) }

/// Runs both ends of one connection on one loop; gives back what the client gave.
func pair<Value: Sendable>(
    _ choice: BackendChoice, on address: SocketAddress,
    server: @escaping @Sendable (StreamConnection) async throws -> Void,
    client: @escaping @Sendable (StreamConnection) async throws -> Value
) throws -> Value {
    try LoopGroup.run(choice: choice) { group in
        let listener = try StreamListener(on: address)
        defer { listener.close() }
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask(executorPreference: group.executors[0]) {
                let connection = try await listener.accept()
                defer { connection.close() }
                try await server(connection)
            }
            let connection = try await StreamConnection.connect(to: listener.address)
            defer { connection.close() }
            let value = try await client(connection)
            try await tasks.waitForAll()
            return value
        }
    }
}

func echo(_ connection: StreamConnection) async throws {
    while true {  // Ends with the stream.
        let bytes = try await connection.read(atMost: 65_536)
        if bytes.isEmpty { return }
        try await connection.write(bytes)
    }
}

func readAll(_ connection: StreamConnection, atMost count: Int) async throws -> [UInt8] {
    var all: [UInt8] = []
    while true {  // Ends with the stream.
        let bytes = try await connection.read(atMost: count)
        if bytes.isEmpty { return all }
        all += bytes
    }
}

func writeGathered(_ pieces: [[UInt8]], to connection: StreamConnection) async throws {
    // SAFETY: freed below, when the write is over.
    let copies = unsafe pieces.map { piece in
        let copy = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, piece.count), alignment: 1)
        unsafe copy.copyBytes(from: piece)  // SAFETY: room for the piece.
        // SAFETY: freed below.
        return unsafe UnsafeRawBufferPointer(rebasing: copy[..<piece.count])
    }
    defer {
        // SAFETY: allocated above; the write is over.
        unsafe copies.forEach { unsafe $0.deallocate() }
    }
    try await unsafe connection.write(gathering: copies)  // SAFETY: alive until it returns.
}

/// The errno that `body` ends with; zero if it succeeds.
func code(_ body: () async throws -> Void) async -> Int32 {
    do {
        try await body()
        return 0
    } catch let error as SystemError {
        return error.code
    } catch {
        return -1
    }
}

/// The error that `body` ends with, in words.
func text(_ body: () async throws -> Void) async -> String {
    do {
        try await body()
        return ""
    } catch {
        return "\(error)"
    }
}

func removeFile(_ path: String) {
    _ = unsafe unlink(path)  // SAFETY: the path is NUL-terminated for the call.
}
