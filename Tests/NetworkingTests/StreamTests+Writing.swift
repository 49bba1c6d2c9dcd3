// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Glibc
import Networking
import Testing

extension StreamTests {
    @Test(
        "Acknowledged bytes are counted from zero, on both sides", arguments: backends,
        [false, true])
    func acknowledged(_ choice: BackendChoice, isRaced: Bool) throws {
        // If this failed, who waits for the last byte to arrive would wait for ever, or not at all.
        try LoopGroup.run(choice: choice) { _ in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            let address = listener.address
            let client =
                isRaced
                ? try await StreamConnection.connect(toAnyOf: [address])
                : try await StreamConnection.connect(to: address)
            defer { client.close() }
            let accepted = try await listener.accept(until: inTime)
            defer { accepted.close() }
            #expect(try client.acknowledgedByteCount() == 0)
            #expect(try accepted.acknowledgedByteCount() == 0)
            try await client.write([1, 2, 3])
            try await accepted.write([4, 5])
            #expect(try await read(3, from: accepted) == [1, 2, 3])
            #expect(try await read(2, from: client) == [4, 5])
            #expect(try await waitUntil { try client.acknowledgedByteCount() == 3 })
            #expect(try await waitUntil { try accepted.acknowledgedByteCount() == 2 })
            // The end counts as one.
            try await accepted.finishWriting()
            #expect(try await waitUntil { try accepted.acknowledgedByteCount() == 3 })
        }
    }

    @Test("A closed connection answers nothing", arguments: backends)
    func closedAnswersNothing(_ choice: BackendChoice) throws {
        // If this failed, it would say what is true of the connection that has its number by now.
        let codes = try bothEnds(choice) { client, _ in
            client.close()
            return [
                await code { _ = try client.acknowledgedByteCount() },
                await code { _ = try client.localAddress },
                await code { _ = try client.peerAddress },
            ]
        }
        #expect(codes == [ECANCELED, ECANCELED, ECANCELED])
    }
}
