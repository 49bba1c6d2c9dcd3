// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
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

/// A deadline that nothing reaches unless it waits for ever.
var inTime: MonotonicInstant { .now.advanced(by: .seconds(20)) }

/// A value that the tasks of one loop, or one task, set and read.
final class Box<Value>: @unchecked Sendable {
    private(set) var value: Value
    init(_ value: Value) { self.value = value }
    func set(_ value: Value) { self.value = value }
}

/// Runs both ends of one connection on one loop; gives back what the client gave.
func pair<Value: Sendable>(
    _ choice: BackendChoice, on address: SocketAddress, options: StreamOptions = StreamOptions(),
    server: @escaping @Sendable (StreamConnection) async throws -> Void,
    client: @escaping @Sendable (StreamConnection) async throws -> Value
) throws -> Value {
    try LoopGroup.run(choice: choice) { group in
        let listener = try StreamListener(on: address)
        defer { listener.close() }
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask(executorPreference: group.executors[0]) {
                let connection = try await listener.accept(options: options)
                defer { connection.close() }
                try await server(connection)
            }
            let connection = try await StreamConnection.connect(
                to: listener.address, options: options)
            defer { connection.close() }
            let value = try await client(connection)
            try await tasks.waitForAll()
            return value
        }
    }
}

/// Runs `body` with both ends of one connection: the one that asked for it, and the other.
func bothEnds<Value: Sendable>(
    _ choice: BackendChoice,
    _ body: @escaping @Sendable (StreamConnection, StreamConnection) async throws -> Value
) throws -> Value {
    try LoopGroup.run(choice: choice) { _ in
        let listener = try StreamListener(on: loopback)
        defer { listener.close() }
        let client = try await StreamConnection.connect(to: listener.address)
        defer { client.close() }
        let accepted = try await listener.accept(until: inTime)
        defer { accepted.close() }
        return try await body(client, accepted)
    }
}

/// Runs `body` while somebody polls in the first loop's only place for an operation: until the
/// suspension that `body` is given is cancelled.
func withFullTable<Value: Sendable>(
    _ choice: BackendChoice, loops: Int = 1,
    _ body: @escaping @Sendable (LoopGroup, Suspension) async throws -> Value
) throws -> Value {
    var options = LoopOptions()
    options.operationsMax = 1
    return try LoopGroup.run(loops: loops, choice: choice, options: options) { group in
        let executor = group.executors[0]
        let (near, far) = socketPair()
        defer {
            _ = millrace_close(near)
            _ = millrace_close(far)
        }
        let place = Suspension(executor)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask(executorPreference: executor) {
                // SAFETY: the request names no memory.
                _ = unsafe await place.perform(.poll(descriptor: far, events: 1))
            }
            guard try await waitUntil({ executor.loop.operationCount == 1 }) else {
                preconditionFailure("nobody polls")
            }
            let value = try await body(group, place)
            place.cancel()
            try await tasks.waitForAll()
            return value
        }
    }
}

func socketPair() -> (Int32, Int32) {
    var ends: (Int32, Int32) = (-1, -1)
    // SAFETY: room for two numbers.
    let status = unsafe withUnsafeMutableBytes(of: &ends) { ends in
        // SAFETY: as above.
        unsafe millrace_socket_pair(1, ends.bindMemory(to: Int32.self).baseAddress)
    }
    precondition(status >= 0, "no socket pair: \(status)")
    return ends
}

/// Waits until the condition holds, five seconds at most; whether it does.
func waitUntil(_ condition: () throws -> Bool) async throws -> Bool {
    let limit = MonotonicInstant.now.advanced(by: .seconds(5))
    while try !condition() {  // Ends with the condition or the limit.
        if .now > limit { return false }
        try await LoopTime.sleep(for: .milliseconds(1))
    }
    return true
}

/// Reads so many bytes, or what comes before the end.
func read(_ count: Int, from connection: StreamConnection) async throws -> [UInt8] {
    var all: [UInt8] = []
    while all.count < count {  // Ends: every turn reads a byte, or leaves.
        let bytes = try await connection.read(atMost: count - all.count, until: inTime)
        if bytes.isEmpty { break }
        all += bytes
    }
    return all
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

/// Writes no bytes, in each way that answers how many; those answers.
func writeNothing(to connection: StreamConnection) async throws -> [Int] {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    defer { unsafe memory.deallocate() }  // SAFETY: allocated above; the writes are over.
    // SAFETY: inside the memory.
    let nothing = unsafe UnsafeRawBufferPointer(rebasing: memory[..<0])
    return [
        // SAFETY: the memory lives until both have returned.
        try await unsafe connection.writeSome(nothing, until: soon),
        // SAFETY: as above.
        try await unsafe connection.writeSome(GatherList(capacity: 1), until: soon),
    ]
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
