// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Glibc
import Networking
import Testing

extension StreamTests {
    @Test("Reading into one byte, and into none", arguments: backends)
    func readIntoLittleMemory(_ choice: BackendChoice) throws {
        // If this failed, a read without room would wait for bytes, or one with little be told the
        // end.
        let seen = try bothEnds(choice) { client, accepted in
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
            defer { unsafe memory.deallocate() }  // SAFETY: allocated above; the reads are over.
            // SAFETY: inside the memory.
            let nothing = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<0])
            // SAFETY: here and below, the memory lives to the end of this closure.
            var counts = [try await unsafe client.read(into: nothing, until: soon)]
            try await accepted.write([7, 8])
            var bytes: [UInt8] = []
            for _ in 0..<2 {
                // SAFETY: as above.
                counts.append(try await unsafe client.read(into: memory, until: inTime))
                unsafe bytes.append(memory[0])  // SAFETY: as above.
            }
            return (counts, bytes)
        }
        #expect(seen.0 == [0, 1, 1])
        #expect(seen.1 == [7, 8])
    }

    @Test("A read stays inside its memory, however much is there", arguments: backends)
    func readStaysInside(_ choice: BackendChoice) throws {
        // If this failed, bytes of a second buffer would be written behind the caller's memory.
        let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7919 &>> 5) }
        let seen = try pair(choice, on: loopback) { connection in
            try await connection.write(sent)
            try await connection.finishWriting()
            _ = try await readAll(connection, atMost: 1)
        } client: { connection in
            let memory = UnsafeMutableRawBufferPointer.allocate(
                byteCount: 100_000 + 65_536, alignment: 1)
            defer { unsafe memory.deallocate() }  // SAFETY: allocated above; the reads are over.
            // SAFETY: here and below, inside the memory.
            _ = unsafe memory.initializeMemory(as: UInt8.self, repeating: 0xEE)
            // SAFETY: as above.
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<100_000])
            // The stream has begun, and what comes while nobody reads takes several buffers.
            var all = try await connection.read(atMost: 1, until: inTime)
            try await LoopTime.sleep(for: .milliseconds(50))
            var isIntact = true
            while true {  // Ends with the stream.
                // SAFETY: the memory lives to the end of this closure.
                let count = try await unsafe connection.read(into: room, until: inTime)
                if count == 0 { break }
                unsafe all.append(contentsOf: room[..<count])  // SAFETY: copied.
                // SAFETY: as above.
                let isGuardIntact = unsafe memory[100_000...].allSatisfy { $0 == 0xEE }
                isIntact = isIntact && isGuardIntact
            }
            try await connection.finishWriting()
            return (all, isIntact)
        }
        #expect(seen.1)
        let isSame = seen.0 == sent
        #expect(isSame, "\(seen.0.count) of \(sent.count) bytes, or others")
    }

    @Test("What came before a reset is read, and then the reset", arguments: backends, [2, 3])
    func resetBehindBytes(_ choice: BackendChoice, count: Int) throws {
        // If this failed, half a message would look whole, or bytes that came be lost.
        let sent = Array(1...UInt8(count))
        try bothEnds(choice) { client, accepted in
            try await accepted.write(sent)
            #expect(try await client.read(atMost: 1, until: inTime) == [1])
            accepted.reset()
            try await LoopTime.sleep(for: .milliseconds(50))
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 10, alignment: 1)
            defer { unsafe memory.deallocate() }  // SAFETY: allocated above; the reads are over.
            // SAFETY: here and below, the memory lives to the end of this closure.
            let filled = try await unsafe client.read(into: memory, until: inTime)
            let bytes = unsafe Array(memory[..<filled])  // SAFETY: as above.
            #expect(bytes == Array(sent.dropFirst()))
            await #expect(throws: SystemError(.receive, code: ECONNRESET)) {
                // SAFETY: as above.
                _ = try await unsafe client.read(into: memory, until: inTime)
            }
        }
    }

    @Test("A connection is at its end when all is read, and the end is here", arguments: backends)
    func atTheEnd(_ choice: BackendChoice) throws {
        // If this failed, who stops at the end would lose bytes, or never stop.
        try bothEnds(choice) { client, accepted in
            #expect(!client.isAtEnd)
            try await accepted.write([1, 2])
            try await accepted.finishWriting()
            #expect(try await client.read(atMost: 1, until: inTime) == [1])
            try await LoopTime.sleep(for: .milliseconds(20))
            #expect(!client.isAtEnd)
            #expect(try await client.read(atMost: 1, until: inTime) == [2])
            #expect(try await waitUntil { client.isAtEnd })
        }
    }
}
