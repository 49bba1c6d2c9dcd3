// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
import CTestSupport
import EventLoops
import Networking
import Testing

@Suite("Socket options")
struct OptionTests {
    private static var chosen: StreamOptions {
        var options = StreamOptions()
        options.keepAlive = .init(idleSeconds: 30, intervalSeconds: 5, probeCount: 4)
        options.closing = .waiting(seconds: 7)
        options.unsentByteCountMax = 16_384
        return options
    }

    private static func readBack(_ descriptor: Int32) -> [Int32] {
        var found = test_tcp_options()
        // SAFETY: the callee fills the structure in.
        guard unsafe test_tcp_options(descriptor, &found) == 0 else { return [] }
        return [
            found.no_delay, found.keep_alive, found.keep_idle, found.keep_interval,
            found.keep_count, found.linger_seconds, found.unsent_limit,
        ]
    }

    @Test("The kernel has what was asked for, connected and accepted by a server")
    func optionsAreSet() throws {
        // If this failed, an option would be accepted and do nothing, or only on one side.
        let found = try LoopGroup.run(loops: 2) { group in
            let server = try await StreamServer.open(
                on: loopback, group: group, options: Self.chosen)
            return try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask {
                    await server.run { connection in
                        let found = Self.readBack(connection.descriptor)
                        try? await connection.write(Array("\(found)".utf8))
                    }
                }
                defer { server.stopAccepting() }
                let connection = try await StreamConnection.connect(
                    to: server.address, options: Self.chosen)
                defer { connection.close() }
                let accepted = try await readAll(connection, atMost: 100)
                let connected = "\(Self.readBack(connection.descriptor))"
                return [connected, String(decoding: accepted, as: UTF8.self)]
            }
        }
        #expect(found[0] == "[1, 1, 30, 5, 4, 7, 16384]")
        #expect(found[1] == found[0])
    }

    @Test("Nothing is changed by default but TCP_NODELAY")
    func defaults() throws {
        // If this failed, connections would send probes or lose bytes that nobody asked to lose.
        let found = try pair(.automatic, on: loopback) { connection in
            _ = try await connection.read(atMost: 1)
        } client: { connection in
            try await connection.finishWriting()
            return Self.readBack(connection.descriptor)
        }
        #expect(found[0] == 1 && found[1] == 0 && found[5] == -1)
    }

    @Test("A number out of its bounds is EINVAL, and the socket is closed", arguments: backends)
    func boundsAreChecked(_ choice: BackendChoice) throws {
        // If this failed, a bad number would trap, or be cut to another one, or leak a descriptor.
        func changed(_ change: (inout StreamOptions) -> Void) -> StreamOptions {
            var options = StreamOptions()
            change(&options)
            return options
        }
        let refused = [
            changed { $0.keepAlive = .init(idleSeconds: 0, intervalSeconds: 1, probeCount: 1) },
            changed {
                $0.keepAlive = .init(idleSeconds: 1, intervalSeconds: 40_000, probeCount: 1)
            },
            changed { $0.keepAlive = .init(idleSeconds: 1, intervalSeconds: 1, probeCount: 128) },
            changed { $0.closing = .waiting(seconds: 0) },
            changed { $0.closing = .waiting(seconds: 1 << 40) },
            changed { $0.unsentByteCountMax = 0 },
            changed { $0.unsentByteCountMax = 1 << 32 },
            changed { $0.sendBufferByteCount = -1 },
            changed { $0.receiveBufferByteCount = 1 << 33 },
        ]
        let seen = try LoopGroup.run(choice: choice) { _ in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            var codes: [Int32] = []
            for options in refused {
                codes.append(
                    await code {
                        try await StreamConnection.connect(to: listener.address, options: options)
                            .close()
                    })
                let accepted = try await listener.accept()
                codes.append(await code { _ = try await accepted.read(atMost: 1, until: soon) })
                accepted.close()
            }
            return codes
        }
        #expect(seen == refused.flatMap { _ in [Int32(MILLRACE_EINVAL), 0] })
    }

    @Test("Options of TCP are left out for a Unix socket", arguments: backends)
    func unixIsSpared(_ choice: BackendChoice) throws {
        // If this failed, one set of options could not serve both kinds of address.
        let path = "/tmp/millrace-options-\(MonotonicInstant.now.nanoseconds)"
        defer { removeFile(path) }
        let address = try #require(SocketAddress.unix(path: path))
        let ending = try LoopGroup.run(choice: choice) { _ in
            let listener = try StreamListener(on: address)
            defer { listener.close() }
            return await code {
                try await StreamConnection.connect(to: address, options: Self.chosen).close()
            }
        }
        #expect(ending == 0)
    }

    @Test("Closing with a reset drops what was sent and tells the peer", arguments: backends)
    func closingResets(_ choice: BackendChoice) throws {
        // If this failed, a peer would take a dropped connection for a complete answer.
        let ending = try LoopGroup.run(choice: choice) { _ in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            var options = StreamOptions()
            options.closing = .reset
            let connection = try await StreamConnection.connect(
                to: listener.address, options: options)
            let accepted = try await listener.accept()
            defer { accepted.close() }
            connection.close()
            return await code { _ = try await accepted.read(atMost: 1, until: soon) }
        }
        #expect(ending == Int32(MILLRACE_ECONNRESET))
    }

    @Test("Writes wait at the limit of unsent bytes", arguments: backends)
    func unsentBytesAreBounded(_ choice: BackendChoice) throws {
        // If this failed, megabytes that can no longer be taken back would wait for a slow peer.
        let limited = try Self.unsentByteCount(choice, limit: 16_384)
        let unlimited = try Self.unsentByteCount(choice, limit: nil)
        #expect(limited > 0)
        #expect(limited <= 16_384 + 65_536)
        #expect(unlimited > 4 * (16_384 + 65_536))
    }

    /// How many unsent bytes the kernel holds after writing to a peer that does not read.
    private static func unsentByteCount(_ choice: BackendChoice, limit: Int?) throws -> UInt32 {
        try LoopGroup.run(choice: choice) { _ in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            var options = StreamOptions()
            options.unsentByteCountMax = limit
            options.sendBufferByteCount = 4_000_000
            let connection = try await StreamConnection.connect(
                to: listener.address, options: options)
            defer { connection.reset() }
            let accepted = try await listener.accept()
            defer { accepted.close() }
            let bytes = [UInt8](repeating: 1, count: 32_000_000)
            let written = await code { try await connection.write(bytes, until: soon) }
            var info = millrace_tcp_info()
            // SAFETY: the callee fills the structure in.
            let status = unsafe millrace_socket_tcp_info(connection.descriptor, &info)
            return written == Int32(MILLRACE_ETIMEDOUT) && status == 0 ? info.not_sent_bytes : 0
        }
    }
}
