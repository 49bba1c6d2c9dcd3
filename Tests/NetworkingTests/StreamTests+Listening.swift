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
