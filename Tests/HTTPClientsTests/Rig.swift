// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import HTTPServing
import Networking
import Testing

@testable import HTTPClients

let backends: [BackendChoice] = [.ioUring, .epoll]

/// A free port on loopback.
var loopback: SocketAddress {
    guard let address = SocketAddress.ipv4(host: "127.0.0.1", port: 0) else {
        preconditionFailure("a literal address")
    }
    return address
}

/// A client, and where its server listens.
struct Rig: Sendable {
    let group: LoopGroup
    let client: HTTPClient
    let port: UInt16
    let log: PeerLog

    func url(_ target: String) throws -> RequestURL {
        try RequestURL("http://127.0.0.1:\(port)\(target)")
    }

    func request(
        _ target: String = "/", _ method: String = "GET", body: ClientBody = .none
    ) throws -> ClientRequest {
        var request = ClientRequest(try url(target), method: method)
        request.body = body
        return request
    }

    func get(_ target: String = "/") async throws -> CollectedResponse {
        try await client.fetch(try request(target), upTo: 1 << 24)
    }
}

/// What a scripted peer saw. On one loop only.
final class PeerLog: @unchecked Sendable {
    /// How many connections came.
    var connectionCount = 0
    /// How many of them have ended.
    var endCount = 0
    /// How many TLS connections the client has ended with close_notify.
    var wholeEndCount = 0
    /// The heads of the requests, in order.
    var heads: [String] = []
}

/// One connection of a scripted peer, and which one it is.
struct Peer: Sendable {
    let stream: StreamConnection
    /// From zero.
    let number: Int
    let log: PeerLog

    /// Reads one head and notes it; nil at the end. Bytes behind it are in the second part.
    func head() async -> (head: String, rest: [UInt8])? {
        var bytes: [UInt8] = []
        let end = Array("\r\n\r\n".utf8)
        while let more = try? await stream.read(atMost: 65_536), !more.isEmpty {
            bytes += more
            guard let index = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else {
                continue
            }
            let head = String(decoding: bytes[..<(index + 4)], as: UTF8.self)
            log.heads.append(head)
            return (head, Array(bytes[(index + 4)...]))
        }
        return nil
    }

    /// Reads so many bytes in all.
    func body(_ first: [UInt8], _ count: Int) async -> [UInt8]? {
        var bytes = first
        while bytes.count < count {
            guard let more = try? await stream.read(atMost: 65_536), !more.isEmpty else {
                return nil
            }
            bytes += more
        }
        return bytes
    }

    func send(_ text: String) async { try? await stream.write(Array(text.utf8)) }

    /// "200 OK" with a body.
    func answer(_ body: String = "ok") async {
        await send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Waits until the client has gone, reading nothing else.
    func untilEnd() async {
        while let more = try? await stream.read(atMost: 65_536), !more.isEmpty {}
    }

    /// Waits until the test is over.
    func stall() async { try? await LoopTime.sleep(for: .seconds(30)) }

    func pause(_ milliseconds: Int) async {
        try? await LoopTime.sleep(for: .milliseconds(milliseconds))
    }
}

/// A quick configuration: nothing takes longer than a test may.
func quick(_ change: (inout HTTPClientConfiguration) -> Void = { _ in }) -> HTTPClientConfiguration
{
    var configuration = HTTPClientConfiguration()
    configuration.connectTimeout = .seconds(5)
    configuration.idleTimeout = .seconds(5)
    configuration.requestTimeout = .seconds(20)
    change(&configuration)
    return configuration
}

/// Runs a client against a peer that does what the test says, on one loop, and ends both.
func withPeer<Value: Sendable>(
    _ choice: BackendChoice, _ configuration: HTTPClientConfiguration = quick(),
    peer: @escaping @Sendable (Peer) async -> Void,
    _ body: @escaping @Sendable (Rig) async throws -> Value
) throws -> Value {
    try LoopGroup.run(choice: choice) { group in
        let server = try await StreamServer.open(on: loopback, group: group)
        let log = PeerLog()
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                await server.run { stream in
                    log.connectionCount += 1
                    await peer(Peer(stream: stream, number: log.connectionCount - 1, log: log))
                    log.endCount += 1
                }
            }
            defer { tasks.cancelAll() }
            return try await HTTPClient.run(on: group, configuration: configuration) { client in
                try await body(
                    Rig(group: group, client: client, port: server.address.port, log: log))
            }
        }
    }
}

/// Runs a client against the package's own server, and ends both.
func withServer<Value: Sendable>(
    _ choice: BackendChoice, loops: Int = 1,
    _ configuration: HTTPClientConfiguration = quick(),
    server settings: HTTPServerConfiguration = HTTPServerConfiguration(),
    routes: @escaping @Sendable (inout HTTPRoutes) throws -> Void,
    _ body: @escaping @Sendable (Rig, HTTPServer) async throws -> Value
) throws -> Value {
    try LoopGroup.run(loops: loops, choice: choice) { group in
        var all = HTTPRoutes()
        try routes(&all)
        let server = try await HTTPServer.open(
            on: loopback, group: group, configuration: settings, routes: all)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await server.run() }
            defer { server.stop() }
            return try await HTTPClient.run(on: group, configuration: configuration) { client in
                try await body(
                    Rig(
                        group: group, client: client, port: server.address.port, log: PeerLog()),
                    server)
            }
        }
    }
}

/// The error of a request, as this room's; another is a failure of the test.
func failure(
    _ body: () async throws -> some Sendable
) async throws -> HTTPClientError? {
    do {
        _ = try await body()
        return nil
    } catch let error as HTTPClientError {
        return error
    }
}

/// Expects that error, and no other end.
func expectFailure(
    _ expected: HTTPClientError, _ comment: Comment? = nil,
    at location: SourceLocation = #_sourceLocation, _ body: () async throws -> some Sendable
) async throws {
    let error = try await failure(body)
    #expect(error == expected, comment, sourceLocation: location)
}

/// Looks every millisecond whether something has come true, at most for ten seconds.
func until(_ condition: () -> Bool) async -> Bool {
    let deadline = MonotonicInstant.now.advanced(by: .seconds(10))
    while !condition() {
        if MonotonicInstant.now >= deadline { return false }
        do { try await LoopTime.sleep(for: .milliseconds(1)) } catch { return condition() }
    }
    return true
}

/// Bytes that say where they belong.
func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}
