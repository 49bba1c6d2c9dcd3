// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import EventLoops
import Glibc
import Networking
import Testing

/// The backends that every test of this room runs on; a missing one fails.
let backends: [BackendChoice] = [.ioUring, .epoll]

@Suite("Stream connections and listeners")
struct StreamTests {
    @Test("Bytes come back from an echo, over each family", arguments: backends)
    func echoOverEachFamily(_ choice: BackendChoice) throws {
        // If this failed, nothing could be sent or received.
        let path = "/tmp/millrace-\(MonotonicInstant.now.nanoseconds)"
        defer { removeFile(path) }
        let addresses = [
            SocketAddress.ipv4(host: "127.0.0.1", port: 0),
            SocketAddress.ipv6(host: "::1", port: 0),
            SocketAddress.unix(path: path),
        ]
        for address in addresses {
            let address = try #require(address)
            let back = try pair(choice, on: address) { connection in
                try await echo(connection)
                try await connection.finishWriting()
            } client: { connection in
                try await connection.write(Array("hello ".utf8))
                try await connection.write(Array("mill".utf8))
                try await connection.finishWriting()
                return try await readAll(connection, atMost: 3)
            }
            #expect(back == Array("hello mill".utf8))
        }
    }

    @Test("A megabyte arrives whole and in order", arguments: backends)
    func manyBytesInOrder(_ choice: BackendChoice) throws {
        // If this failed, partial writes, credit or buffer reuse would lose or swap bytes.
        let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7919 &>> 5) }
        let arrived = try pair(choice, on: loopback) { connection in
            try await connection.write(sent)
            try await connection.finishWriting()
            _ = try await readAll(connection, atMost: 1000)
        } client: { connection in
            // A reader that starts late: the stream is paused at its credit and goes on.
            try await LoopTime.sleep(for: .milliseconds(50))
            let all = try await readAll(connection, atMost: 5000)
            try await connection.finishWriting()
            return all
        }
        #expect(arrived == sent)
    }

    @Test("A gather write sends its pieces in order, however many", arguments: backends)
    func gatherWrite(_ choice: BackendChoice) throws {
        // If this failed, a message of several parts would arrive cut or out of order.
        let pieces = (0..<1000).map { number in
            [UInt8](repeating: UInt8(number % 251), count: number)
        }
        let arrived = try pair(choice, on: loopback) { connection in
            try await writeGathered(pieces, to: connection)
            try await connection.finishWriting()
            _ = try await readAll(connection, atMost: 1000)
        } client: { connection in
            let all = try await readAll(connection, atMost: 100_000)
            try await connection.finishWriting()
            return all
        }
        #expect(arrived == Array(pieces.joined()))
    }

    @Test("Reading into the caller's memory fills what is there", arguments: backends)
    func readIntoMemory(_ choice: BackendChoice) throws {
        // If this failed, the zero-copy-by-the-caller form would miss or repeat bytes.
        let arrived = try pair(choice, on: loopback) { connection in
            try await connection.write(Array("0123456789".utf8))
            try await connection.finishWriting()
            _ = try await readAll(connection, atMost: 1)
        } client: { connection in
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 1)
            defer { unsafe memory.deallocate() }  // SAFETY: allocated above.
            var all: [UInt8] = []
            while true {
                // SAFETY: the memory lives to the end of this closure.
                let count = try await unsafe connection.read(into: memory)
                if count == 0 { break }
                unsafe all.append(contentsOf: memory[..<count])  // SAFETY: copied.
            }
            try await connection.finishWriting()
            return all
        }
        #expect(arrived == Array("0123456789".utf8))
    }

    @Test("Half-closing ends one direction only", arguments: backends)
    func halfClose(_ choice: BackendChoice) throws {
        // If this failed, a request whose end is the end of the stream could not be answered.
        let answer = try pair(choice, on: loopback) { connection in
            let request = try await readAll(connection, atMost: 100)
            try await connection.write(request.reversed())
        } client: { connection in
            try await connection.write([1, 2, 3])
            try await connection.finishWriting()
            return try await readAll(connection, atMost: 100)
        }
        #expect(answer == [3, 2, 1])
    }

    @Test(
        "A deadline ends a read and a write; the connection can still be closed in order",
        arguments: backends)
    func deadlines(_ choice: BackendChoice) throws {
        // If this failed, a silent or stuck peer would hold a task for ever.
        let isOver = Box(false)
        let codes = try pair(choice, on: loopback) { connection in
            // Nobody reads before the deadlines have passed.
            #expect(try await waitUntil { isOver.value })
            _ = try await readAll(connection, atMost: 100_000)
        } client: { connection in
            var codes: [Int32] = []
            codes.append(await code { _ = try await connection.read(atMost: 1, until: soon) })
            let bytes = [UInt8](repeating: 1, count: 16_000_000)
            codes.append(await code { try await connection.write(bytes, until: soon) })
            isOver.set(true)
            try await connection.finishWriting()
            codes.append(await code { _ = try await connection.read(atMost: 1) })
            return codes
        }
        #expect(codes == [110, 110, 0])
    }

    @Test("Cancelling the task ends a read and an accept", arguments: backends)
    func cancellation(_ choice: BackendChoice) throws {
        // If this failed, a task could not be stopped while it waits for the kernel.
        let codes = try LoopGroup.run(choice: choice) { group in
            let listener = try StreamListener(on: loopback)
            let connection = try await StreamConnection.connect(to: listener.address)
            let accepted = try await listener.accept()
            defer {
                accepted.close()
                connection.close()
                listener.close()
            }
            return await withTaskGroup(of: Int32.self) { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    await code { _ = try await connection.read(atMost: 1) }
                }
                tasks.addTask(executorPreference: group.executors[0]) {
                    await code { _ = try await listener.accept().close() }
                }
                try? await LoopTime.sleep(for: .milliseconds(20))
                tasks.cancelAll()
                return await tasks.reduce(into: []) { $0.append($1) }
            }
        }
        #expect(codes == [125, 125])
    }

    @Test("A burst beyond the listener's limit does not end accepting", arguments: backends)
    func acceptingGoesOnAfterABurst(_ choice: BackendChoice) throws {
        // If this failed, a listener that paused at its limit, and was emptied before the kernel
        // had answered the pause, would never accept again.
        let burst = Burst(count: StreamListener.pendingMax + 44)
        let accepted = try LoopGroup.run(loops: 2, choice: choice) { group in
            let listener = try StreamListener(on: loopback)
            defer { listener.close() }
            let address = listener.address
            return await withTaskGroup(of: Int.self) { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    await burst.accept(from: listener)
                }
                tasks.addTask(executorPreference: group.executors[1]) {
                    await burst.connect(to: address)
                }
                tasks.addTask(executorPreference: group.executors[0]) {
                    burst.standStill()
                    return 0
                }
                return await tasks.reduce(0, +)
            }
        }
        #expect(accepted == burst.count + 1)
    }

    @Test("A refused port and a taken port are errors with their names", arguments: backends)
    func errorsAreNamed(_ choice: BackendChoice) throws {
        // If this failed, a user would see a trap or a number instead of the reason.
        let texts = try LoopGroup.run(choice: choice) { _ in
            let listener = try StreamListener(on: loopback)
            let taken = listener.address
            let second = await text { try StreamListener(on: taken).close() }
            listener.close()
            try await LoopTime.sleep(for: .milliseconds(10))
            let refused = await text { try await StreamConnection.connect(to: taken).close() }
            return [second, refused]
        }
        #expect(
            texts == [
                "bind: Address already in use (EADDRINUSE)",
                "connect: Connection refused (ECONNREFUSED)",
            ])
    }

    @Test(
        "A reset peer is an error of the reader, and the writer does not die of SIGPIPE",
        arguments: backends)
    func resetIsAnError(_ choice: BackendChoice) throws {
        // If this failed, a peer could end the process or pass a broken stream off as a whole one.
        let codes = try pair(choice, on: loopback) { connection in
            connection.reset()
        } client: { connection in
            var codes = [await code { _ = try await connection.read(atMost: 1) }]
            for _ in 0..<2 { codes.append(await code { try await connection.write([1]) }) }
            return codes
        }
        #expect(codes[0] == 104)
        #expect(codes[1...].allSatisfy { $0 == 32 || $0 == 104 })
    }

    @Test("Small writes are sent at once: TCP_NODELAY is on")
    func noDelay() throws {
        // If this failed, a request after a small write could wait 40 ms for a delayed
        // acknowledgement.
        let roundTrips = try pair(.automatic, on: loopback) { connection in
            try await echo(connection)
        } client: { connection in
            let start = MonotonicInstant.now
            for _ in 0..<50 {
                try await connection.write([1])
                try await connection.write([2])
                var count = 0
                while count < 2 { count += try await connection.read(atMost: 2).count }
            }
            try await connection.finishWriting()
            return MonotonicInstant.now.nanoseconds(since: start)
        }
        // 50 exchanges with Nagle and delayed acknowledgements take 2 s.
        #expect(roundTrips < 1_500_000_000)
    }
}

/// So many connections while the listener's loop stands still, and one more when those were
/// accepted.
private final class Burst: Sendable {
    let count: Int
    // Relaxed: numbers that are waited for; nothing else is read by them.
    private let connected = Atomic<Int>(0)
    private let accepted = Atomic<Int>(0)
    private let deadline = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000_000)

    init(count: Int) {
        self.count = count
    }

    /// Holds the calling loop until all are in the kernel's queue.
    func standStill() {
        while connected.load(ordering: .relaxed) < count && MonotonicInstant.now < deadline {
            // Ends with the burst or the deadline.
        }
    }

    /// How many could be accepted.
    func accept(from listener: StreamListener) async -> Int {
        while accepted.load(ordering: .relaxed) <= count {  // Ends with the last or the deadline.
            let isOver = await code { try await listener.accept(until: deadline).close() } != 0
            if isOver { break }
            accepted.add(1, ordering: .relaxed)
        }
        return accepted.load(ordering: .relaxed)
    }

    func connect(to address: SocketAddress) async -> Int {
        var connections: [StreamConnection] = []
        for _ in 0..<count {
            guard let connection = try? await StreamConnection.connect(to: address) else { break }
            connections.append(connection)
            connected.add(1, ordering: .relaxed)
        }
        while accepted.load(ordering: .relaxed) < count && MonotonicInstant.now < deadline {
            try? await LoopTime.sleep(for: .milliseconds(5))
        }
        if let last = try? await StreamConnection.connect(to: address) { connections.append(last) }
        for connection in connections { connection.close() }
        return 0
    }
}

extension StreamTests {
    @Test("A reset that a write is told of is no end for who reads", arguments: backends)
    func resetToldToWriter(_ choice: BackendChoice) throws {
        // If this failed, half a message would look whole: the kernel tells a reset once.
        try pair(choice, on: loopback) { connection in
            _ = try await connection.read(atMost: 1)
            connection.reset()
        } client: { connection in
            try await connection.write([1])
            try await LoopTime.sleep(for: .milliseconds(50))
            await #expect(throws: SystemError(.send, code: ECONNRESET)) {
                try await connection.write([2])
            }
            await #expect(throws: SystemError(.receive, code: ECONNRESET)) {
                _ = try await connection.read(atMost: 1)
            }
        }
    }

    @Test("An end that a reset follows is sound", arguments: backends, [false, true])
    func resetBehindEnd(_ choice: BackendChoice, readsFirst: Bool) throws {
        // If this failed, everything would be here, and the reader would be told that it is cut.
        try pair(choice, on: loopback) { connection in
            try await connection.write([1, 2])
            try await connection.finishWriting()
            connection.close()
        } client: { connection in
            if readsFirst { _ = try await connection.read(atMost: 1) }
            try await LoopTime.sleep(for: .milliseconds(20))
            try await connection.write([3])  // Answered with a reset.
            try await LoopTime.sleep(for: .milliseconds(20))
            await #expect(throws: SystemError(.send, code: EPIPE)) {
                try await connection.write([4])
            }
            #expect(try await readAll(connection, atMost: 10) == (readsFirst ? [2] : [1, 2]))
        }
    }

    @Test("A connection that was closed here has no sound end", arguments: backends)
    func closedHere(_ choice: BackendChoice) throws {
        // If this failed, a task whose connection another one closed would take what it has for
        // everything, or trap when it writes.
        try pair(choice, on: loopback) { connection in
            try await connection.write([1])
            try await connection.finishWriting()
            _ = try? await readAll(connection, atMost: 10)
        } client: { connection in
            _ = try await connection.read(atMost: 1)
            while !connection.isAtEnd {  // Ends when the peer's end is here.
                try await LoopTime.sleep(for: .milliseconds(1))
            }
            connection.close()
            await #expect(throws: SystemError(.receive, code: ECANCELED)) {
                _ = try await connection.read(atMost: 1)
            }
            await #expect(throws: SystemError(.send, code: ECANCELED)) {
                try await connection.write([2])
            }
            await #expect(throws: SystemError(.send, code: ECANCELED)) {
                try await connection.finishWriting()
            }
        }
    }
}
