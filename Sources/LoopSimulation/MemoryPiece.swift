// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// A piece of memory that a call lends to the world, until it returns.
@safe
struct MemoryPiece {
    let bytes: UnsafeRawBufferPointer

    /// Memory that outlives the piece: its maker vouches for that.
    @unsafe
    init(_ bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = unsafe bytes  // SAFETY: stored.
    }

    var count: Int { unsafe bytes.count }
    // SAFETY: lent for the call.
    var copy: [UInt8] { unsafe Array(bytes) }

    func prefix(_ count: Int) -> MemoryPiece {
        // SAFETY: within the piece.
        unsafe MemoryPiece(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    }

    func suffix(_ count: Int) -> MemoryPiece {
        // SAFETY: within the piece.
        unsafe MemoryPiece(UnsafeRawBufferPointer(rebasing: bytes.suffix(count)))
    }

    /// The pieces that a message names.
    @unsafe
    static func all(of message: millrace_message) -> [MemoryPiece] {
        // SAFETY: the message names so many.
        unsafe UnsafeBufferPointer(start: message.slices, count: message.slice_count).map {
            // SAFETY: as above.
            unsafe MemoryPiece(UnsafeRawBufferPointer(start: $0.base, count: $0.count))
        }
    }

    /// Writes bytes into memory that was lent to be written: how many fitted.
    func overwrite(with source: ArraySlice<UInt8>) -> Int {
        let count = min(count, source.count)
        // SAFETY: as many fit.
        unsafe UnsafeMutableRawBufferPointer(mutating: bytes).copyBytes(
            from: source.prefix(count))
        return count
    }
}
