// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import EventLoops

// Writing through a layer: bytes are copied into it, and the wait is for the kernel.
extension StreamConnection {
    /// Writes once, what `enqueue` copies into the layer, at zero again when there is room; answers
    /// how many bytes the kernel took, encrypted, at least one.
    func writeThroughLayer(
        until deadline: MonotonicInstant, _ enqueue: () throws(SystemError) -> Int
    ) async throws(SystemError) -> Int {
        var count = try enqueue()
        while count == 0 {  // Ends with room or an error.
            try await waitForRoom(until: deadline)
            count = try enqueue()
        }
        try await flush(until: deadline)
        marks.note(count, wireTotal: wireByteCount)
        return count
    }

    /// Copies as many bytes of the pieces as there is room for; the list stays as it is.
    func enqueue(_ list: GatherList) throws(SystemError) -> Int {
        var total = 0
        for index in 0..<list.count {
            let piece = unsafe list.piece(index)  // SAFETY: the caller keeps it; copied here.
            let count = try enqueue(unsafe piece.bytes)  // SAFETY: as above.
            total += count
            if count < piece.count { break }
        }
        return total
    }
}
