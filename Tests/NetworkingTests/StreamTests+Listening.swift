// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Glibc
import Networking
import Testing

extension StreamTests {
    @Test("A listener that finds no place for its operation tries again", arguments: backends)
    func listenerWithoutPlace(_ choice: BackendChoice) throws {
        // If this failed, a server whose loop was full for a moment would never accept again.
        let seen = try withFullTable(choice, loops: 2) { group, place in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            let address = listener.address
            var codes = [await code { try await listener.accept(until: soon).close() }]
            place.cancel()
            async let client: Int32 = withTaskExecutorPreference(group.executors[1]) {
                await code {
                    let connection = try await StreamConnection.connect(to: address, until: inTime)
                    defer { connection.close() }
                    _ = try await connection.read(atMost: 1, until: inTime)
                }
            }
            codes.append(await code { try await listener.accept(until: inTime).close() })
            codes.append(await client)
            return (codes, listener.exhaustionCount)
        }
        #expect(seen.0 == [ETIMEDOUT, 0, 0])
        #expect(seen.1 > 0)
    }

    @Test("A listener that found no place goes away", arguments: backends)
    func listenerWithoutPlaceGoes(_ choice: BackendChoice) throws {
        // If this failed, each listener on a full loop would stay in memory.
        let isGone = try withFullTable(choice) { _, _ in
            let reference = Reference()
            _ = await code { try await acceptOnce(reference) }
            return try await waitUntil { reference.listener == nil }
        }
        #expect(isGone)
    }

    @Test("A listener that listens no more says so", arguments: backends)
    func deafListener(_ choice: BackendChoice) throws {
        // If this failed, a server whose socket was shut down would wait for clients for ever.
        // accept(2): EINVAL is "socket is not listening for connections".
        let seen = try LoopGroup.run(choice: choice) { _ in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            // Nobody comes, but the kernel is asked from here on.
            let first = await code { try await listener.accept(until: soon).close() }
            let port = listener.address.port
            for descriptor in Int32(0)..<1024 where Self.port(of: descriptor) == port {
                _ = shutdown(descriptor, Int32(SHUT_RDWR))
            }
            return [first, await code { try await listener.accept(until: inTime).close() }]
        }
        #expect(seen == [ETIMEDOUT, EINVAL])
    }

    /// The port that a descriptor of this process is bound to; nil if it is no IPv4 socket.
    private static func port(of descriptor: Int32) -> UInt16? {
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // SAFETY: the callee writes at most `length` bytes.
        let status = unsafe withUnsafeMutablePointer(to: &name) { name in
            // SAFETY: as above.
            unsafe name.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)  // SAFETY: as above.
            }
        }
        guard status == 0, name.sin_family == sa_family_t(AF_INET) else { return nil }
        return UInt16(bigEndian: name.sin_port)
    }

    @Test("Accepting takes one place, however many come", arguments: backends)
    func oneAcceptStream(_ choice: BackendChoice) throws {
        // If this failed, each connection would take a place for good, until none is left.
        let isOne = try LoopGroup.run(choice: choice) { group in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            for _ in 0..<50 {
                let client = try await StreamConnection.connect(to: listener.address)
                defer { client.close() }
                try await listener.accept(until: inTime).close()
            }
            return try await waitUntil { group.executors[0].loop.operationCount <= 1 }
        }
        #expect(isOne)
    }

    @Test("A port whose old connections linger is taken again if asked", arguments: backends)
    func lingeringPort(_ choice: BackendChoice) throws {
        // If this failed, a server could not start again for a minute, or would where it must not.
        let codes = try LoopGroup.run(choice: choice) { group in
            var codes: [Int32] = []
            for reusesAddress in [false, true] {
                var options = StreamListener.Options()
                options.reusesAddress = reusesAddress
                let address = try await leaveLingering(options)
                let loop = group.executors[0].loop
                #expect(try await waitUntil { loop.operationCount == 0 })
                codes.append(
                    await code { try StreamListener(on: address, options: options).close() })
            }
            return codes
        }
        #expect(codes == [EADDRINUSE, 0])
    }

    @Test("An accepted socket that nobody adopts is closed", arguments: backends)
    func nobodyAdopts(_ choice: BackendChoice) throws {
        // If this failed, its descriptor would be lost, and the client wait for ever.
        let ending = try LoopGroup.run(choice: choice) { _ in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            let client = try await StreamConnection.connect(to: listener.address)
            defer { client.close() }
            do { _ = try await listener.acceptSocket(until: inTime) }
            let deadline = MonotonicInstant.now.advanced(by: .seconds(2))
            return await code { _ = try await client.read(atMost: 1, until: deadline) }
        }
        #expect(ending == 0)
    }
}

private final class Reference: @unchecked Sendable {
    weak var listener: StreamListener?
}

/// Accepts in vain, on a listener that nobody holds afterwards.
private func acceptOnce(_ reference: Reference) async throws {
    let listener = try StreamListener(on: loopback)
    reference.listener = listener
    defer { listener.close() }
    try await listener.accept(until: soon).close()
}

/// Leaves a connection in TIME_WAIT: the accepted side closes first. The listener's address.
private func leaveLingering(_ options: StreamListener.Options) async throws -> SocketAddress {
    let listener = try StreamListener(on: loopback, options: options)
    defer { listener.close() }
    let client = try await StreamConnection.connect(to: listener.address)
    defer { client.close() }
    try await listener.accept(until: inTime).close()
    #expect(try await client.read(atMost: 1, until: inTime).isEmpty)
    return listener.address
}
