// SPDX-License-Identifier: MIT

#if TLS

    import AsyncRuntime
    import AtomicSupport
    import CLinuxShims
    import EventLoops
    import Networking
    import TLSEngines
    import Testing

    @Suite("TLS: bytes through connections")
    struct TLSStreamTests {
        @Test("An echo of every size, beside the bounds of records", arguments: backends)
        func sizes(_ choice: BackendChoice) throws {
            // If this failed, bytes would be lost or changed at the end of a record or a block.
            let sizes = [1, 2, 16_383, 16_384, 16_385, 32_768, 100_000, 1 << 20]
            try tlsPair(choice, TLSEnds()) { connection in
                try await echo(connection)
                try await connection.finishWriting()
            } client: { connection in
                try await connection.write([])
                for size in sizes {
                    let sent = pattern(size)
                    async let writing: Void = connection.write(sent)
                    var back: [UInt8] = []
                    while back.count < size {  // Ends: every turn reads bytes or throws.
                        let bytes = try await connection.read(atMost: 20_000)
                        if bytes.isEmpty { break }
                        back += bytes
                    }
                    try await writing
                    #expect(back == sent, "\(size) bytes")
                }
                try await connection.finishWriting()
                #expect(try await connection.read(atMost: 1).isEmpty)
                #expect(connection.isAtEnd && connection.securityFailure == nil)
            }
        }

        @Test("Random pieces, written and read in every way", arguments: backends)
        func pieces(_ choice: BackendChoice) throws {
            // If this failed, one of the ways to write or read would take bytes past the layer.
            var random = SystemRandomNumberGenerator()
            let pieces = (0..<300).map { _ in
                pattern(Int.random(in: 0...(Bool.random() ? 100 : 20_000), using: &random))
            }
            // One of three is written as several pieces.
            var sent: [UInt8] = []
            for (index, piece) in pieces.enumerated() {
                sent += index % 3 == 1 ? piece + [1] + piece : piece
            }
            let arrived = try tlsPair(choice, TLSEnds()) { connection in
                for (index, piece) in pieces.enumerated() {
                    switch index % 3 {
                    case 0: try await connection.write(piece)
                    case 1: try await writeGathered([piece, [1], piece], to: connection)
                    default:
                        var start = 0
                        while start < piece.count {  // Ends: every turn takes bytes or waits.
                            let count = try connection.enqueue(piece, from: start)
                            start += count
                            if count == 0 { try await connection.waitForRoom(until: inTime) }
                        }
                    }
                }
                try await connection.finishWriting()
                _ = try await readAll(connection, atMost: 1000)
            } client: { connection in
                let all = try await readEveryWay(connection)
                try await connection.finishWriting()
                return all
            }
            #expect(arrived == sent)
        }

        @Test("Writing nothing answers zero, open and closed", arguments: backends)
        func writesNothing(_ choice: BackendChoice) throws {
            // If this failed, an empty message would wait for ever: nothing of it leaves.
            let counts = try tlsPair(choice, TLSEnds()) { connection in
                _ = try? await readAll(connection, atMost: 1)
            } client: { connection in
                let open = try await writeNothing(to: connection)
                connection.close()
                return open + (try await writeNothing(to: connection))
            }
            #expect(counts == [0, 0, 0, 0])
        }

        @Test("Both sides write before they read", arguments: backends)
        func bothWays(_ choice: BackendChoice) throws {
            // If this failed, ends that both have much to say would wait for each other.
            let sent = pattern(3_000_000)
            @Sendable func exchange(_ connection: StreamConnection) async throws -> Bool {
                async let writing: Void = connection.write(sent)
                var all: [UInt8] = []
                try await LoopTime.sleep(for: .milliseconds(30))
                while all.count < sent.count {  // Ends: every turn reads bytes or throws.
                    let bytes = try await connection.read(atMost: 50_000)
                    if bytes.isEmpty { break }
                    all += bytes
                }
                try await writing
                return all == sent
            }
            let isRight = try tlsPair(choice, TLSEnds("rsa")) { connection in
                #expect(try await exchange(connection))
                try await connection.finishWriting()
                _ = try await readAll(connection, atMost: 1)
            } client: { connection in
                let isRight = try await exchange(connection)
                _ = try await readAll(connection, atMost: 1)
                try await connection.finishWriting()
                return isRight
            }
            #expect(isRight)
        }

        @Test("A reader that stops stops the writer", arguments: backends)
        func backpressure(_ choice: BackendChoice) throws {
            // If this failed, a peer that does not read would make memory grow, or a writer that
            // waited for it would not go on.
            let total = 20_000_000
            let count = try tlsPair(choice, TLSEnds()) { connection in
                let late = MonotonicInstant.now.advanced(by: .milliseconds(300))
                let block = pattern(100_000)
                var sent = 0
                var isStopped = false
                var most = 0
                while sent < total {  // Ends: every turn takes bytes or waits.
                    let taken = try connection.enqueue(block, from: sent % block.count)
                    sent += taken
                    most = max(most, connection.enqueuedByteCount)
                    guard taken == 0 else { continue }
                    do throws(SystemError) {
                        try await connection.waitForRoom(until: late)
                    } catch {
                        #expect(error.code == Int32(MILLRACE_ETIMEDOUT))
                        isStopped = true
                        try await connection.waitForRoom(until: inTime)
                    }
                }
                #expect(isStopped && most <= 3 * 16_384 + 100, "\(most) bytes are held")
                try await connection.finishWriting()
                _ = try await readAll(connection, atMost: 1)
            } client: { connection in
                try await LoopTime.sleep(for: .milliseconds(500))
                var count = 0
                while let some = try await connection.consume({ $0.byteCount }) { count += some }
                try await connection.finishWriting()
                return count
            }
            #expect(count == total)
        }

        @Test("Lent bytes are relayed, and stay when the connection ends", arguments: backends)
        func lending(_ choice: BackendChoice) throws {
            // If this failed, a relay would send bytes that another connection has written over.
            let sent = pattern(300_000)
            let arrived = try tlsPair(choice, TLSEnds()) { connection in
                while true {  // Ends with the stream.
                    // SAFETY: lent until the closure returns.
                    let count = unsafe try await connection.withReceived {
                        (bytes) throws(SystemError) in
                        // SAFETY: as above.
                        unsafe try await connection.write(all: bytes)
                        return bytes.count
                    }
                    if count == nil { break }
                }
                try await connection.finishWriting()
            } client: { connection in
                async let writing: Void = connection.write(sent)
                var all: [UInt8] = []
                while all.count < sent.count {  // Ends: every turn reads bytes or throws.
                    all += try await connection.read(atMost: 50_000)
                }
                try await writing
                // Finished while its own bytes are lent: they stay as they are.
                try await connection.finishWriting()
                return all
            }
            #expect(arrived == sent)
        }

        @Test("Bytes that are lent outlive the end of their connection", arguments: backends)
        func lentAtTheEnd(_ choice: BackendChoice) throws {
            // If this failed, the end of one direction would take away what the other is sending.
            try tlsPair(choice, TLSEnds()) { connection in
                try await connection.write(pattern(5000))
                _ = try await connection.read(atMost: 1)
                try await connection.finishWriting()
            } client: { connection in
                // SAFETY: lent until the closure returns.
                let used = unsafe try await connection.withReceived {
                    (bytes) throws(SystemError) in
                    try await connection.finishWriting()
                    try? await LoopTime.sleep(for: .milliseconds(50))
                    // SAFETY: as above.
                    #expect(unsafe Array(bytes) == pattern(5000))
                    return 100
                }
                #expect(used == 100)
                #expect(try await connection.read(atMost: 1).isEmpty)
            }
        }

        @Test("Acknowledged bytes are plain ones, also behind plain ones", arguments: backends)
        func acknowledged(_ choice: BackendChoice) throws {
            // If this failed, a pool would take bytes for delivered that are not, or wait for ever.
            let ends = try TLSEnds()
            try pair(choice, on: loopback) { connection in
                #expect(try await connection.read(atMost: 5) == [1, 2, 3, 4, 5])
                try await connection.startTLS(TLSAcceptor(ends.server), until: inTime)
                _ = try await readAll(connection, atMost: 100_000)
                try await connection.finishWriting()
            } client: { connection in
                try await connection.write([1, 2])
                _ = try connection.enqueue([3, 4, 5])
                try await connection.startTLS(
                    TLSConnector(ends.client), serverName: "localhost", until: inTime)
                // The handshake is more than the five bytes: they are there, and nothing else.
                #expect(try connection.acknowledgedByteCount() == 5)
                for total in [15, 40_000, 40_001] {
                    let before = try connection.acknowledgedByteCount()
                    try await connection.write(pattern(total - Int(before)))
                    let limit = inTime
                    while try connection.acknowledgedByteCount() < total, .now < limit {
                        try await LoopTime.sleep(for: .milliseconds(1))
                    }
                    #expect(try connection.acknowledgedByteCount() == UInt64(total))
                }
                try await connection.finishWriting()
                _ = try await readAll(connection, atMost: 1)
            }
        }

        @Test("Connections whose parts are used again count from zero", arguments: backends)
        func reusedParts(_ choice: BackendChoice) throws {
            // If this failed, what the first connection has sent would be in the way of the
            // second's acknowledgements.
            let ends = try TLSEnds()
            try LoopGroup.run(choice: choice) { group in
                let server = try await StreamServer.open(on: loopback, group: group)
                await withTaskGroup(of: Void.self) { tasks in
                    tasks.addTask(executorPreference: group.executors[0]) {
                        await server.run { connection in
                            let work: () async throws -> Void = {
                                try await connection.startTLS(
                                    TLSAcceptor(ends.server), until: inTime)
                                try await connection.write(pattern(10_000))
                                let limit = inTime
                                while try connection.acknowledgedByteCount() < 10_000 {
                                    if .now > limit { break }
                                    try await LoopTime.sleep(for: .milliseconds(1))
                                }
                                #expect(try connection.acknowledgedByteCount() == 10_000)
                                _ = try await connection.read(atMost: 1)
                            }
                            #expect(await text(work) == "")
                        }
                    }
                    let connector = TLSConnector(ends.client)
                    for _ in 0..<6 {
                        let failure = await text {
                            let connection = try await StreamConnection.connect(to: server.address)
                            defer { connection.close() }
                            try await connection.startTLS(
                                connector, serverName: "localhost", until: inTime)
                            var count = 0
                            while count < 10_000 {  // Ends: every turn reads bytes or throws.
                                count += try await connection.read(atMost: 20_000).count
                            }
                            try await connection.finishWriting()
                            #expect(try await readAll(connection, atMost: 1) == [])
                        }
                        #expect(failure == "")
                    }
                    server.stopAccepting()
                }
            }
        }
    }

    /// Reads to the end, each time in another way.
    private func readEveryWay(_ connection: StreamConnection) async throws -> [UInt8] {
        var all: [UInt8] = []
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 5000, alignment: 1)
        defer { unsafe memory.deallocate() }  // SAFETY: the reads are over.
        for turn in 0... {  // Ends with the stream.
            switch turn % 3 {
            case 0:
                let bytes = try await connection.read(atMost: 3333)
                if bytes.isEmpty { return all }
                all += bytes
            case 1:
                let count = unsafe try await connection.read(into: memory)  // SAFETY: as above.
                if count == 0 { return all }
                unsafe all += memory[..<count]  // SAFETY: as above.
            default:
                let copied = Box<[UInt8]>([])
                // SAFETY: lent until the closure returns.
                let count = unsafe try await connection.withReceived { bytes in
                    unsafe copied.set(Array(bytes.prefix(100)))  // SAFETY: as above.
                    return copied.value.count
                }
                if count == nil { return all }
                all += copied.value
            }
        }
        return all
    }

#endif
