// SPDX-License-Identifier: MIT

import AsyncRuntime
import AtomicSupport
import CLinuxShims
import EventLoops
import Networking
import Testing

@Suite("Sending without waiting, and lending received bytes")
struct OutputTests {
    @Test("What is enqueued arrives whole and in order, between writes too", arguments: backends)
    func enqueuedInOrder(_ choice: BackendChoice) throws {
        // If this failed, a coalesced send would lose, repeat or overtake bytes.
        let sent = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 &* 7919 &>> 5) }
        let arrived = try pair(choice, on: loopback) { connection in
            var next = 0
            var step = 1
            while next < sent.count {  // Ends: each turn sends at least a byte or waits.
                let end = min(sent.count, next + step)
                if step % 5 == 0 {
                    try await connection.write(Array(sent[next..<end]))
                    next = end
                } else {
                    next += try connection.enqueue(Array(sent[next..<end]))
                    if next < end { try await connection.waitForRoom() }
                }
                step = step % 4000 + 37
            }
            try await connection.finishWriting()
            _ = try await readAll(connection, atMost: 1000)
        } client: { connection in
            let all = try await readAll(connection, atMost: 5000)
            try await connection.finishWriting()
            return all
        }
        let isSame = arrived == sent
        #expect(isSame, "\(arrived.count) of \(sent.count) bytes, or others")
    }

    @Test("What is enqueued in one turn leaves in one send", arguments: backends)
    func oneSend(_ choice: BackendChoice) throws {
        // If this failed, small writes would cost a system call each.
        let counts = try pair(choice, on: loopback) { connection in
            _ = try await readAll(connection, atMost: 1000)
            try await connection.finishWriting()
        } client: { connection in
            let loop = connection.executor.loop
            let before = loop.statistics.submitted
            for _ in 0..<50 {
                #expect(try connection.enqueue([UInt8](repeating: 7, count: 20)) == 20)
            }
            #expect(connection.enqueuedByteCount == 1000)
            try await connection.flush()
            let sends = loop.statistics.submitted - before
            #expect(connection.enqueuedByteCount == 0)
            try await connection.finishWriting()
            return sends
        }
        // The other side's read may be started in the same turn.
        #expect(counts <= 2)
    }

    @Test("A full output takes nothing more, and goes on when the peer reads", arguments: backends)
    func fullOutput(_ choice: BackendChoice) throws {
        // If this failed, a slow reader would make memory grow, or its sender would hang.
        let total = try pair(choice, on: loopback) { connection in
            try await LoopTime.sleep(for: .milliseconds(100))
            var count = 0
            while true {  // Ends with the stream.
                let bytes = try await connection.read(atMost: 65_536)
                if bytes.isEmpty { break }
                count += bytes.count
            }
            try await connection.write(Array("\(count)".utf8))
            try await connection.finishWriting()
        } client: { connection in
            let block = [UInt8](repeating: 1, count: 8192)
            var sent = 0
            var pendingMax = 0
            // The peer does not read yet: the kernel's buffers fill, then ours.
            for _ in 0..<2000 {
                let taken = try connection.enqueue(block)
                sent += taken
                pendingMax = max(pendingMax, connection.enqueuedByteCount)
                if taken == 0 {
                    guard await code({ try await connection.waitForRoom(until: soon) }) == 0
                    else { break }
                }
            }
            #expect(pendingMax <= 2 * connection.executor.loop.options.sendBlockByteCount)
            try await connection.flush()
            try await connection.finishWriting()
            let answer = try await readAll(connection, atMost: 100)
            return (sent, String(decoding: answer, as: UTF8.self))
        }
        #expect(total.1 == "\(total.0)")
    }

    @Test("A peer that resets is told to the next enqueue or flush", arguments: backends)
    func brokenOutput(_ choice: BackendChoice) throws {
        // If this failed, a program would go on filling a dead connection and never hear of it.
        let codes = try pair(choice, on: loopback) { connection in
            connection.reset()
        } client: { connection in
            try await LoopTime.sleep(for: .milliseconds(20))
            let block = [UInt8](repeating: 1, count: 100)
            _ = try connection.enqueue(block)
            let first = await code { try await connection.flush() }
            let second = await code { _ = try connection.enqueue(block) }
            let third = await code { try await connection.write(block) }
            return [first, second, third]
        }
        let allowed = [Int32(MILLRACE_ECONNRESET), Int32(MILLRACE_EPIPE)]
        for code in codes { #expect(allowed.contains(code)) }
    }

    @Test("A server's handler may return with bytes enqueued", arguments: backends)
    func enqueuedThenReturned(_ choice: BackendChoice) throws {
        // If this failed, the end of an answer would be lost with the connection.
        let answer = try LoopGroup.run(choice: choice) { group in
            let server = try await StreamServer.open(on: loopback, group: group)
            return try await withThrowingTaskGroup(of: [UInt8].self) { tasks in
                tasks.addTask(executorPreference: group.executors[0]) {
                    await server.run { connection in
                        let text = [UInt8](repeating: 65, count: 10_000)
                        _ = try? connection.enqueue(text)
                    }
                    return []
                }
                let connection = try await StreamConnection.connect(to: server.address)
                let all = try await readAll(connection, atMost: 100_000)
                connection.close()
                server.stopAccepting()
                return all
            }
        }
        #expect(answer == [UInt8](repeating: 65, count: 10_000))
    }

    @Test("Received bytes can be written on without a copy", arguments: backends)
    func lentBytes(_ choice: BackendChoice) throws {
        // If this failed, memory lent to the kernel would be overwritten by later bytes.
        let sent = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 7919 &>> 5) }
        let arrived = try pair(choice, on: loopback) { connection in
            while true {  // Ends with the stream.
                // SAFETY: the bytes stay until the write is over.
                let count = try await unsafe connection.withReceived {
                    bytes throws(SystemError) in
                    try await unsafe connection.write(all: bytes)  // SAFETY: as above.
                    return bytes.count
                }
                if count == nil { break }
            }
            try await connection.finishWriting()
        } client: { connection in
            try await withThrowingTaskGroup(of: [UInt8].self) { tasks in
                tasks.addTask(executorPreference: connection.executor) {
                    try await readAll(connection, atMost: 9000)
                }
                try await connection.write(sent)
                try await connection.finishWriting()
                return try await tasks.next() ?? []
            }
        }
        let isSame = arrived == sent
        #expect(isSame, "\(arrived.count) bytes")
    }

    @Test("In a scope, cancelling ends every wait, and later ones", arguments: backends)
    func scopeCancels(_ choice: BackendChoice) throws {
        // If this failed, a server could not end the connections that it serves.
        let codes = try pair(choice, on: loopback) { connection in
            _ = try await readAll(connection, atMost: 10)
        } client: { connection in
            let codes = await withTaskGroup(of: [Int32].self) { tasks in
                tasks.addTask(executorPreference: connection.executor) {
                    await connection.withCancellation {
                        let first = await code { _ = try await connection.read(atMost: 10) }
                        let second = await code { _ = try await connection.read(atMost: 10) }
                        return [first, second]
                    }
                }
                try? await LoopTime.sleep(for: .milliseconds(10))
                tasks.cancelAll()
                return await tasks.next() ?? []
            }
            // The scope is over: this task was not cancelled.
            let after = await code { _ = try await connection.read(atMost: 10, until: soon) }
            try await connection.finishWriting()
            return codes + [after]
        }
        let cancelled = Int32(MILLRACE_ECANCELED)
        #expect(codes == [cancelled, cancelled, Int32(MILLRACE_ETIMEDOUT)])
    }

    @Test("A scope is its task's alone", arguments: backends)
    func scopeIsOneTasks(_ choice: BackendChoice) throws {
        // If this failed, cancelling one task would end the waits of another on the connection.
        let codes = try pair(choice, on: loopback) { connection in
            _ = try await readAll(connection, atMost: 10)
            try await connection.finishWriting()
        } client: { connection in
            let codes = await withTaskGroup(of: Int32.self) { tasks in
                tasks.addTask(executorPreference: connection.executor) {
                    await connection.withCancellation {
                        await code { try await LoopTime.sleep(for: .seconds(60)) }
                    }
                }
                await Task.yield()
                let reader = Task(executorPreference: connection.executor) {
                    await code { _ = try await connection.read(atMost: 10, until: soon) }
                }
                await Task.yield()
                tasks.cancelAll()
                return [await tasks.next() ?? -1, await reader.value]
            }
            try await connection.finishWriting()
            return codes
        }
        #expect(codes == [Int32(MILLRACE_ECANCELED), Int32(MILLRACE_ETIMEDOUT)])
    }

    @Test("A send that is refused wakes who waits for it at once", arguments: backends)
    func refusedSend(_ choice: BackendChoice) throws {
        // If this failed, the loop would sleep on a task that is ready, until something else came.
        var options = LoopOptions()
        options.operationsMax = 1
        let log = try LoopGroup.run(choice: choice, options: options) { group in
            try await withThrowingTaskGroup(of: String.self) { tasks in
                let executor = group.executors[0]
                let (near, far) = socketPair()
                defer { _ = millrace_close(far) }
                tasks.addTask(executorPreference: executor) {
                    // SAFETY: the request names no memory.
                    _ = unsafe await Suspension(executor).perform(
                        .poll(descriptor: far, events: 1))
                    return "never: nothing can be sent"
                }
                tasks.addTask(executorPreference: executor) {
                    let end = MonotonicInstant.now.advanced(byNanoseconds: 1_000_000_000)
                    _ = await Suspension(executor).sleep(until: end)
                    return "a timer came first"
                }
                tasks.addTask(executorPreference: executor) {
                    // After the poll has taken the only place for an operation.
                    await Task.yield()
                    let connection = try StreamConnection(adopting: near)
                    defer { connection.close() }
                    _ = try connection.enqueue([1, 2, 3])
                    let before = executor.loop.statistics.sleeps
                    let refusal = await code { try await connection.flush() }
                    let sleeps = executor.loop.statistics.sleeps - before
                    return "refused: \(refusal), \(sleeps) sleeps"
                }
                let first = try await tasks.next() ?? ""
                tasks.cancelAll()
                return first
            }
        }
        #expect(log == "refused: \(MILLRACE_ENOBUFS), 0 sleeps")
    }
}

extension OutputTests {
    @Test("Nothing is written behind bytes that were lost", arguments: backends)
    func nothingBehindLostBytes(_ choice: BackendChoice) throws {
        // If this failed, the peer would read later bytes behind a hole, and not know of it.
        let seen = try withFullTable(choice) { group, place in
            let (near, far) = socketPair()
            let connection = try StreamConnection(adopting: near)
            defer { connection.close() }
            let peer = try StreamConnection(adopting: far)
            defer { peer.close() }
            _ = try connection.enqueue([1, 2, 3])
            var codes = [await code { try await connection.flush() }]
            place.cancel()
            let loop = group.executors[0].loop
            #expect(try await waitUntil { loop.operationCount == 0 })
            codes.append(await code { try await connection.write([4], until: inTime) })
            codes.append(await code { try await writeGathered([[5], [6]], to: connection) })
            connection.close()
            return (codes, try await read(10, from: peer))
        }
        #expect(seen.0 == [Int32](repeating: Int32(MILLRACE_ENOBUFS), count: 3))
        #expect(seen.1 == [])
    }

    @Test("A borrower that throws takes nothing", arguments: backends)
    func throwingBorrower(_ choice: BackendChoice) throws {
        // If this failed, a relay whose other side broke would lose a byte of what it had to keep.
        let seen = try bothEnds(choice) { client, accepted in
            try await accepted.write([1, 2])
            let told = await code {
                // SAFETY: the bytes are not looked at.
                _ = unsafe try await client.withReceived(until: inTime) {
                    _ throws(SystemError) in
                    throw SystemError(.send, code: 1)
                }
            }
            return (told, try await read(2, from: client))
        }
        #expect(seen.0 == 1)
        #expect(seen.1 == [1, 2])
    }

    @Test("In a cancelled scope what need not wait still succeeds", arguments: backends)
    func cancelledScope(_ choice: BackendChoice) throws {
        // If this failed, a server that is cancelled would throw away requests that are there.
        let seen = try bothEnds(choice) { client, accepted in
            try await accepted.write([1, 2])
            #expect(try await client.read(atMost: 1, until: inTime) == [1])
            let found = Box<[UInt8]>([])
            let codes = await withTaskGroup(of: [Int32].self) { tasks in
                tasks.addTask(executorPreference: client.executor) {
                    await client.withCancellation {
                        // The second is over a turn later: the scope has heard by then.
                        for _ in 0..<2 {
                            _ = await code { try await LoopTime.sleep(for: .seconds(60)) }
                        }
                        return [
                            await code { found.set(try await client.read(atMost: 1)) },
                            await code { try await client.flush() },
                            await code { _ = try await client.read(atMost: 1) },
                        ]
                    }
                }
                await Task.yield()
                tasks.cancelAll()
                return await tasks.next() ?? []
            }
            return (codes, found.value)
        }
        #expect(seen.0 == [0, 0, Int32(MILLRACE_ECANCELED)])
        #expect(seen.1 == [2])
    }

    @Test("Who waits for room does not wait for all to leave", arguments: backends)
    func roomIsEnough(_ choice: BackendChoice) throws {
        // If this failed, a sender with room would wait until a slow peer has taken everything.
        let codes = try bothEnds(choice) { client, accepted in
            // The peer does not read: the kernel's buffers are full behind this.
            let bytes = [UInt8](repeating: 1, count: 16_000_000)
            let written = await code { try await client.write(bytes, until: soon) }
            let taken = try client.enqueue([1])
            #expect(taken == 1)
            return [written, await code { try await client.waitForRoom(until: soon) }]
        }
        #expect(codes == [Int32(MILLRACE_ETIMEDOUT), 0])
    }

    @Test("Single bytes leave in order, written and enqueued, before the end", arguments: backends)
    func singleBytes(_ choice: BackendChoice) throws {
        // If this failed, a byte would be overtaken, or lost at the end.
        let arrived = try bothEnds(choice) { client, accepted in
            _ = try client.enqueue([1])
            try await client.write([2], until: inTime)
            _ = try client.enqueue([3])
            try await client.finishWriting()
            return try await read(10, from: accepted)
        }
        #expect(arrived == [1, 2, 3])
    }

    @Test("Closing drops what was enqueued in the same turn", arguments: backends)
    func closingDrops(_ choice: BackendChoice) throws {
        // If this failed, the bytes would go to the connection that gets the number next.
        let dropped = try bothEnds(choice) { client, _ in
            let taken = try client.enqueue([1, 2, 3])
            client.close()
            return taken - client.enqueuedByteCount
        }
        #expect(dropped == 3)
    }
}
