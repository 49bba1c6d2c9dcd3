// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import ConnectionPools
import EventLoops
import Networking
import Testing

@Suite("Pooled client over real sockets")
struct ClientTests {
    @Test("Every message is delivered and told once", arguments: [BackendChoice.ioUring, .epoll])
    func deliversAll(_ choice: BackendChoice) throws {
        // If this failed, a message could be lost or told twice on a healthy connection.
        for delivery in DeliveryMode.allCases {
            let log = OutcomeLog()
            let lines = try LoopGroup.run(choice: choice) { group in
                let server = try await StreamServer.open(on: loopback, group: group)
                let peer = LinePeer(answers: delivery == .confirmed)
                let endpoint = Endpoint.host("127.0.0.1", port: server.address.port)
                var configuration = ClientConfiguration()
                configuration.delivery = delivery
                let client = try PooledClient(
                    to: endpoint, configuration: configuration, executors: group.executors
                ) { log.record($0) }
                await withDiscardingTaskGroup { tasks in
                    tasks.addTask { await server.run { await peer.serve($0) } }
                    tasks.addTask { await client.run() }
                    for number in 0..<20_000 {
                        let ticket = MessageTicket(rawValue: UInt64(number))
                        _ = try? await client.send(Array("\(number) x\n".utf8), ticket: ticket)
                    }
                    await client.close(within: .seconds(10))
                    server.stopAccepting()
                }
                return peer.lineCount
            }
            #expect(lines == 20_000)
            #expect(log.okCount == 20_000)
            #expect(log.failedCount == 0)
            #expect(log.repeatedCount == 0)
        }
    }

    @Test("Over a Unix socket, in every mode", arguments: bothBackends)
    func unixSocket(_ choice: BackendChoice) throws {
        // If this failed, a peer on the same machine could not be reached, or a message be lost.
        for delivery in DeliveryMode.allCases {
            try withUnixRig(choice, quick(delivery)) { peer in
                var left = 50
                await peer.lines { line in
                    if delivery == .confirmed { try? await peer.stream.write(answer(line)) }
                    left -= 1
                    return left > 0 || peer.number >= 4
                }
            } _: { rig in
                await rig.send(0..<1_000)
                await rig.client.close(within: .seconds(10))
                #expect(rig.outcomes.okCount == 1_000, "\(delivery)")
                #expect(rig.outcomes.repeatedCount == 0)
                // What lies with a peer that leaves is lost only where nothing says otherwise.
                if delivery == .confirmed { #expect(rig.arrivals.distinctCount == 1_000) }
            }
        }
    }
}

var loopback: SocketAddress {
    guard let address = SocketAddress.ipv4(host: "127.0.0.1", port: 0) else {
        preconditionFailure("a literal address")
    }
    return address
}

/// Counts lines and, if asked, answers each with its first word.
final class LinePeer: Sendable {
    private let answers: Bool
    private let lines = Atomic<Int>(0)

    init(answers: Bool) {
        self.answers = answers
    }

    var lineCount: Int { lines.load(ordering: .relaxed) }

    func serve(_ connection: StreamConnection) async {
        var partial: [UInt8] = []
        while let bytes = try? await connection.read(atMost: 65_536), !bytes.isEmpty {
            partial += bytes
            var answer: [UInt8] = []
            while let end = partial.firstIndex(of: 10) {
                lines.add(1, ordering: .relaxed)
                answer += partial[..<end].prefix { $0 != 32 } + [10]
                partial.removeFirst(end + 1)
            }
            if answers { try? await connection.write(answer) }
        }
    }
}

/// Collects what a client tells.
final class OutcomeLog: @unchecked Sendable {
    private let block = SharedBlock(byteCount: CacheLine.byteCount)
    private var outcomes: [MessageTicket: MessageOutcome] = [:]
    private var repeated = 0

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var lock: InternalLock {
        unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
    }

    func record(_ settled: Span<SettledMessage>) {
        lock.withLock {
            for index in settled.indices {
                let message = settled[index]
                if outcomes.updateValue(message.outcome, forKey: message.ticket) != nil {
                    repeated += 1
                }
            }
        }
    }

    /// How many messages have settled.
    var count: Int { lock.withLock { outcomes.count } }

    /// What became of a message; nil if nothing yet.
    subscript(_ number: Int) -> MessageOutcome? {
        lock.withLock { outcomes[MessageTicket(rawValue: UInt64(number))] }
    }

    var okCount: Int { lock.withLock { outcomes.values.count { $0 == .ok } } }
    var failedCount: Int { lock.withLock { outcomes.values.count { $0 != .ok } } }
    var repeatedCount: Int { lock.withLock { repeated } }
}
