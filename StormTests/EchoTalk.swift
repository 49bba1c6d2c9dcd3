// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops
internal import LoopSimulation
internal import Networking

/// One client of an echo storm: sends bytes that follow from its number, and compares what comes.
final class EchoTalk: @unchecked Sendable {
    // Threads: the simulation's.
    private let number: Int
    private let ends: EchoEnds
    private let mustSucceed: Bool
    private let byteCount: Int
    private var received = 0
    private var hasEnded = false
    /// With TLS: everything is here, and only the end is still to come.
    private var isFinishing = false

    init(_ number: Int, _ ends: EchoEnds, mustSucceed: Bool) {
        self.number = number
        self.ends = ends
        self.mustSucceed = mustSucceed
        let world = ends.world
        byteCount =
            world.draw(below: 8) == 0 ? world.draw(below: 300_000) : world.draw(below: 9_000)
    }

    private func byte(_ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: index &* 31 &+ index &>> 8 &+ number &* 7)
    }

    /// From the connect to the close.
    func run() async {
        guard let connection = await ends.connect(mustSucceed: mustSucceed) else { return }
        await withDiscardingTaskGroup { tasks in
            tasks.addTask(executorPreference: connection.executor) { await self.write(connection) }
            tasks.addTask(executorPreference: connection.executor) { await self.read(connection) }
        }
        if ends.isSecure, hasEnded, received == byteCount { await finish(connection) }
        check()
        connection.finishAndClose()
    }

    private func write(_ connection: StreamConnection) async {
        let world = ends.world
        var sent = 0
        do throws(SystemError) {
            while sent < byteCount {  // Ends: sends some each turn, or throws.
                let most = world.draw(below: 3) == 0 ? byteCount : 1 + world.draw(below: 2_000)
                let count = min(byteCount - sent, most)
                let bytes = (sent..<sent + count).map { byte($0) }
                try await EchoWriter(connection, ends).write(bytes)
                sent += count
                if world.draw(below: 4) == 0 {
                    try? await LoopTime.sleep(for: .milliseconds(world.draw(below: 300)))
                }
            }
            // With TLS the end is one of both directions: it comes when everything is here.
            if ends.isSecure {
                try await connection.flush()
            } else {
                try await connection.finishWriting()
            }
        } catch {
            // The reader hears of a break by itself; of anything else only this way.
            let isBroken = [MILLRACE_EPIPE, MILLRACE_ECONNRESET].contains(Int(error.code))
            if !isBroken || world.draw(below: 2) == 0 { connection.reset() }
            if mustSucceed { ends.ledger.complain("talk \(number) could not write: \(error)") }
        }
    }

    private func read(_ connection: StreamConnection) async {
        do throws(SystemError) {
            var isOver = ends.isSecure && received == byteCount && !isFinishing
            while !isOver {  // Ends with the stream.
                let isAtEnd = try await readSome(connection)
                isOver = isAtEnd || ends.isSecure && received == byteCount && !isFinishing
            }
            hasEnded = true
        } catch {
            connection.reset()  // Nor does the writer wait for a peer that has gone.
            if mustSucceed { ends.ledger.complain("talk \(number) could not read: \(error)") }
        }
    }

    /// Reads what is there, in one of the ways; whether it was the end.
    private func readSome(_ connection: StreamConnection) async throws(SystemError) -> Bool {
        switch ends.world.draw(below: 3) {
        case 0:
            return try await connection.consume { bytes in self.compare(bytes) } == nil
        case 1:
            let bytes = try await connection.read(atMost: 1 + ends.world.draw(below: 5_000))
            _ = unsafe compare(bytes.span.bytes)  // SAFETY: bytes are bytes.
            return bytes.isEmpty
        default:
            let memory = UnsafeMutableRawBufferPointer.allocate(
                byteCount: 1 + ends.world.draw(below: 40_000), alignment: 1)
            defer { unsafe memory.deallocate() }  // SAFETY: allocated above, and used by nobody.
            // SAFETY: it stays until this returns.
            let count = try await unsafe connection.read(into: memory)
            // SAFETY: so many bytes were written.
            _ = unsafe compare(UnsafeRawBufferPointer(rebasing: memory[..<count]).bytes)
            return count == 0
        }
    }

    /// Everything is here: with TLS, this side ends first.
    private func finish(_ connection: StreamConnection) async {
        hasEnded = false
        isFinishing = true
        do throws(SystemError) {
            try await connection.finishWriting()
        } catch {
            if mustSucceed { ends.ledger.complain("talk \(number) could not end: \(error)") }
            return connection.reset()
        }
        await read(connection)
    }

    private func compare(_ bytes: RawSpan) -> Int {
        for index in 0..<bytes.byteCount {
            // SAFETY: in bounds.
            let value = unsafe bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            if received + index < byteCount, value == byte(received + index) { continue }
            ends.ledger.complain("talk \(number): byte \(received + index) is another")
            break
        }
        received += bytes.byteCount
        return bytes.byteCount
    }

    private func check() {
        // Without TLS, a box on the way can end a stream for both.
        let mayBeCut = !ends.isSecure && ends.world.mayHaveCutStreams
        ends.ledger.expect(
            !hasEnded || received == byteCount || mayBeCut,
            "talk \(number): an end after \(received) of \(byteCount) bytes")
        ends.ledger.expect(
            hasEnded || !mustSucceed, "talk \(number): no end, though the network was well")
    }
}
