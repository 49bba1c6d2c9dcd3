// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops
internal import LoopSimulation
internal import Networking

/// Writes to a stream in any of the ways that there are.
struct EchoWriter {
    private let connection: StreamConnection
    private let world: any StormWorld
    private let isSecure: Bool

    init(_ connection: StreamConnection, _ ends: EchoEnds) {
        self.connection = connection
        world = ends.world
        isSecure = ends.isSecure
    }

    /// Writes all of it. Some may still lie with the connection: if that cannot be sent, who
    /// writes, flushes or ends next hears of it.
    func write(_ bytes: [UInt8]) async throws(SystemError) {
        var start = 0
        while start < bytes.count {  // Ends: takes some each turn, or throws.
            let left = bytes.count - start
            let count = world.draw(below: 2) == 0 ? left : 1 + world.draw(below: left)
            try await writePart(Array(bytes[start..<start + count]))
            start += count
        }
    }

    /// What is enqueued goes ahead of what the next part writes.
    private func writePart(_ bytes: [UInt8]) async throws(SystemError) {
        switch world.draw(below: 4) {
        case 0: try await enqueue(bytes)
        case 1: try await gather(bytes)
        case 2: try await insist(bytes)
        default: try await connection.write(bytes)
        }
    }

    private func enqueue(_ bytes: [UInt8]) async throws(SystemError) {
        var start = 0
        while start < bytes.count {  // Ends: takes some each turn, or throws.
            start += try connection.enqueue(bytes, from: start)
            if start < bytes.count { try await connection.waitForRoom() }
        }
        switch world.draw(below: 3) {
        case 0: try await connection.flush()
        // What is written next hears of it if this could not be sent.
        case 1: try? await LoopTime.sleep(for: .milliseconds(world.draw(below: 30)))
        default: break
        }
    }

    /// As pieces of many lengths, some of them empty, some side by side.
    private func gather(_ bytes: [UInt8]) async throws(SystemError) {
        let copy = unsafe Self.copy(bytes)  // SAFETY: given back below.
        defer { unsafe copy.deallocate() }  // SAFETY: nobody uses it any more.
        var pieces: [UnsafeRawBufferPointer] = unsafe []  // SAFETY: none yet.
        var start = 0
        while start < bytes.count {  // Ends: at least a byte every other turn.
            let left = bytes.count - start
            // SAFETY: a number.
            let count = unsafe pieces.count > 20 ? left : min(left, world.draw(below: 3_000))
            // SAFETY: in bounds.
            unsafe pieces.append(UnsafeRawBufferPointer(rebasing: copy[start..<start + count]))
            start += count
        }
        try await unsafe connection.write(gathering: pieces)  // SAFETY: kept until this returns.
    }

    /// With limits that are sometimes too short, and again: what a limit ended was not sent.
    private func insist(_ bytes: [UInt8]) async throws(SystemError) {
        // With TLS a record that is made will be sent.
        if isSecure { return try await connection.write(bytes) }
        let copy = unsafe Self.copy(bytes)  // SAFETY: given back below.
        defer { unsafe copy.deallocate() }  // SAFETY: nobody uses it any more.
        var sent = 0
        var nanoseconds = UInt64(1 + world.draw(below: 4)) * 1_000_000
        while sent < bytes.count {  // Ends: limits become longer, or it throws.
            let rest = unsafe UnsafeRawBufferPointer(rebasing: copy[sent...])  // SAFETY: in bounds.
            do throws(SystemError) {
                // SAFETY: kept until this returns.
                sent += try await unsafe connection.writeSome(
                    rest, until: .now.advanced(byNanoseconds: nanoseconds))
            } catch {
                guard Int(error.code) == MILLRACE_ETIMEDOUT else { throw error }
                nanoseconds *= 2
            }
        }
    }

    /// A copy that stays where it is, for the caller to give back.
    private static func copy(_ bytes: [UInt8]) -> UnsafeMutableRawBufferPointer {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        unsafe copy.copyBytes(from: bytes)  // SAFETY: as long.
        return unsafe copy  // SAFETY: the caller's.
    }
}
