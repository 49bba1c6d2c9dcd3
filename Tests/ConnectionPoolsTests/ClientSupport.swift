// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import ConnectionPools
import EventLoops
import Glibc
import Networking

/// A client, a peer that does what the test says, and what both saw.
final class Rig: Sendable {
    let group: LoopGroup
    let client: PooledClient
    let outcomes: OutcomeLog
    let arrivals: ArrivalLog
    let server: StreamServer?

    init(
        _ group: LoopGroup, _ client: PooledClient, _ outcomes: OutcomeLog, _ arrivals: ArrivalLog,
        _ server: StreamServer?
    ) {
        self.group = group
        self.client = client
        self.outcomes = outcomes
        self.arrivals = arrivals
        self.server = server
    }

    /// Sends a line for each number; the ticket is the number.
    func send(_ numbers: Range<Int>, _ line: @Sendable (Int) -> [UInt8] = numbered) async {
        for number in numbers {
            let ticket = MessageTicket(rawValue: UInt64(number))
            _ = try? await client.send(line(number), ticket: ticket)
        }
    }

    /// Waits until as many messages have settled, at most for ten seconds.
    @discardableResult
    func settled(_ count: Int, within seconds: Int = 10) async -> Bool {
        await until(within: seconds) { self.outcomes.count >= count }
    }
}

/// "17 x\n"
@Sendable func numbered(_ number: Int) -> [UInt8] { Array("\(number) x\n".utf8) }

/// Looks every millisecond whether something has come true, for so many seconds at most.
func until(within seconds: Int = 10, _ condition: @Sendable () -> Bool) async -> Bool {
    let deadline = MonotonicInstant.now.advanced(by: .seconds(seconds))
    while !condition() {
        if MonotonicInstant.now >= deadline { return false }
        // Cancelled: the test is over.
        do { try await LoopTime.sleep(for: .milliseconds(1)) } catch { return condition() }
    }
    return true
}

/// One connection of a peer, and which one it is.
struct PeerConnection: Sendable {
    let stream: StreamConnection
    /// From zero.
    let number: Int
    let arrivals: ArrivalLog

    /// Reads lines and notes them, until the end or until `body` answers false.
    func lines(_ body: ([UInt8]) async -> Bool = { _ in true }) async {
        var partial: [UInt8] = []
        while let bytes = try? await stream.read(atMost: 65_536), !bytes.isEmpty {
            var scanned = partial.count
            partial += bytes
            var start = 0
            while let end = partial[scanned...].firstIndex(of: 10) {
                scanned = end + 1
                let line = Array(partial[start..<end])
                start = end + 1
                arrivals.note(line)
                if await !body(line) { return }
            }
            partial.removeFirst(start)
        }
    }

    /// Reads a little every few milliseconds, until the end: six megabytes a second at most.
    func slowly() async {
        while let bytes = try? await stream.read(atMost: 30_000), !bytes.isEmpty {
            try? await LoopTime.sleep(for: .milliseconds(5))
        }
    }

    /// Waits until the client has gone or the test is over.
    func stall() async { try? await LoopTime.sleep(for: .seconds(30)) }
}

/// The first word of a line, as an answer.
func answer(_ line: [UInt8]) -> [UInt8] { line.prefix { $0 != 32 } + [10] }

/// Runs a client against a peer, and ends both.
func withRig<Value: Sendable>(
    _ choice: BackendChoice = .epoll, loops: Int = 1, to endpoint: Endpoint? = nil,
    at address: SocketAddress = loopback, _ configuration: ClientConfiguration,
    serverOptions: StreamOptions = StreamOptions(),
    peer: @escaping @Sendable (PeerConnection) async -> Void,
    _ body: @escaping @Sendable (Rig) async throws -> Value
) throws -> Value {
    try LoopGroup.run(loops: loops, choice: choice) { group in
        let outcomes = OutcomeLog()
        let arrivals = ArrivalLog()
        let server = try await StreamServer.open(
            on: address, group: group, options: serverOptions)
        let target = endpoint ?? .host("127.0.0.1", port: server.address.port)
        let client = try PooledClient(
            to: target, configuration: configuration, executors: group.executors
        ) { outcomes.record($0) }
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                await server.run { stream in
                    let number = arrivals.opened()
                    await peer(PeerConnection(stream: stream, number: number, arrivals: arrivals))
                    arrivals.closed()
                }
            }
            tasks.addTask { await client.run() }
            let value = try await body(Rig(group, client, outcomes, arrivals, server))
            await client.shutdownNow()
            tasks.cancelAll()
            return value
        }
    }
}

/// The same over a Unix socket.
func withUnixRig(
    _ choice: BackendChoice, _ configuration: ClientConfiguration,
    peer: @escaping @Sendable (PeerConnection) async -> Void,
    _ body: @escaping @Sendable (Rig) async throws -> Void
) throws {
    let path = "/tmp/millrace-client-\(MonotonicInstant.now.nanoseconds)"
    guard let address = SocketAddress.unix(path: path) else { preconditionFailure("a short path") }
    defer { _ = unsafe unlink(path) }  // SAFETY: the path is NUL-terminated for the call.
    try withRig(
        choice, to: .unix(path: path), at: address, configuration, peer: peer, body)
}

/// A configuration for tests: pauses of microseconds.
func quick(
    _ delivery: DeliveryMode, connections: Int = 4, attempts: Int = 1_000_000
) -> ClientConfiguration {
    var configuration = ClientConfiguration()
    configuration.delivery = delivery
    configuration.seed = 42
    configuration.pool.maxConnections = connections
    configuration.pool.maxReconnectAttempts = attempts
    configuration.pool.backoffInitialNanoseconds = 1_000
    configuration.pool.backoffCapNanoseconds = 500_000
    configuration.pool.breakerResetNanoseconds = 1_000
    configuration.pool.backlogPerConnection = 16
    return configuration
}

/// The same for one long message and a peer that reads slowly: small buffers at both ends, so that
/// little is left to be read when the last byte is written. And the options of the peer.
func slowly(_ delivery: DeliveryMode) -> (ClientConfiguration, StreamOptions) {
    var configuration = quick(delivery, connections: 1)
    configuration.queueByteCountMax = 1 << 26
    configuration.stream.sendBufferByteCount = 32_768
    var options = StreamOptions()
    options.receiveBufferByteCount = 32_768
    return (configuration, options)
}

/// What a peer saw.
final class ArrivalLog: @unchecked Sendable {
    private let block = SharedBlock(byteCount: CacheLine.byteCount)
    private var lines: [[UInt8]: Int] = [:]
    private var openCount = 0
    private var opened_ = 0
    private var openMax_ = 0
    private var instants_: [MonotonicInstant] = []

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var lock: InternalLock {
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    func note(_ line: [UInt8]) { lock.withLock { lines[line, default: 0] += 1 } }

    func opened() -> Int {
        lock.withLock {
            openCount += 1
            opened_ += 1
            openMax_ = max(openMax_, openCount)
            instants_.append(.now)
            return opened_ - 1
        }
    }

    func closed() { lock.withLock { openCount -= 1 } }

    /// How often a line came.
    func count(of line: [UInt8]) -> Int { lock.withLock { lines[line] ?? 0 } }
    var distinctCount: Int { lock.withLock { lines.count } }
    var totalCount: Int { lock.withLock { lines.values.reduce(0, +) } }
    var repeatedCount: Int { lock.withLock { lines.values.reduce(0) { $0 + $1 - 1 } } }
    var connectionCount: Int { lock.withLock { opened_ } }
    var openMax: Int { lock.withLock { openMax_ } }
    var instants: [MonotonicInstant] { lock.withLock { instants_ } }
}
