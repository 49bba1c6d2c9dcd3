// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Glibc
import Networking
import Testing

extension StreamTests {
    @Test("Writing nothing answers zero, open and closed", arguments: backends)
    func writesNothing(_ choice: BackendChoice) throws {
        // If this failed, an empty message would say that a byte was sent, or that it failed.
        let counts = try bothEnds(choice) { client, _ in
            let open = try await writeNothing(to: client)
            client.close()
            return open + (try await writeNothing(to: client))
        }
        #expect(counts == [0, 0, 0, 0])
    }

    @Test("A gather write of one byte, and of nothing", arguments: backends)
    func gatherLittle(_ choice: BackendChoice) throws {
        // If this failed, an empty message would trap, or one of a byte would not be sent.
        let arrived = try bothEnds(choice) { client, accepted in
            try await writeGathered([], to: client)
            try await writeGathered([[7]], to: client)
            try await client.finishWriting()
            return try await read(10, from: accepted)
        }
        #expect(arrived == [7])
    }

    @Test("What a deadline has ended was not sent", arguments: backends)
    func lateWrites(_ choice: BackendChoice) throws {
        // If this failed, who writes the rest again would send bytes twice.
        let total = 1_000_000
        let sent = (0..<total).map { UInt8(truncatingIfNeeded: $0 &* 7919 &>> 5) }
        var options = StreamOptions()
        options.sendBufferByteCount = 65_536
        options.receiveBufferByteCount = 65_536
        // The peer does not read before a deadline has passed.
        let isLate = Box(false)
        let arrived = try pair(choice, on: loopback, options: options) { connection in
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: total, alignment: 16)
            defer { unsafe memory.deallocate() }  // SAFETY: allocated above; the writes are over.
            unsafe memory.copyBytes(from: sent)  // SAFETY: room for them.
            var count = 0
            while count < total {  // Ends: the peer reads once a write was late.
                // SAFETY: inside the memory.
                let rest = unsafe UnsafeRawBufferPointer(rebasing: memory[count...])
                do throws(SystemError) {
                    // SAFETY: the memory lives to the end of this closure.
                    count += try await unsafe connection.writeSome(rest, until: soon)
                } catch {
                    guard error.isTimeout else { throw error }
                    isLate.set(true)
                }
            }
            try await connection.finishWriting()
            _ = try await readAll(connection, atMost: 1)
        } client: { connection in
            #expect(try await waitUntil { isLate.value })
            let all = try await readAll(connection, atMost: 65_536)
            try await connection.finishWriting()
            return all
        }
        let isSame = arrived == sent
        #expect(isSame, "\(arrived.count) of \(total) bytes, or others")
    }

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
