// SPDX-License-Identifier: MIT

internal import EventLoops

/// What an operation is to send: until its last completion is seen, the program must leave these
/// bytes where and as they are. Those at both ends of each piece are looked at.
@safe
struct LentBytes {
    private let request: Request
    private let digest: UInt64

    private static var endByteCount: Int { 64 }

    /// Nil if the request sends nothing from memory. Otherwise its memory is read until the value
    /// is gone: promise 4 of the backend's contract.
    @unsafe
    init?(_ request: Request) {
        guard let digest = unsafe Self.digest(of: request) else { return nil }  // SAFETY: its own.
        unsafe self.request = unsafe request  // SAFETY: stored.
        self.digest = digest
    }

    /// Whether somebody has changed them meanwhile.
    var isChanged: Bool { unsafe Self.digest(of: request) != digest }  // SAFETY: see `init`.

    @unsafe
    private static func digest(of request: Request) -> UInt64? {
        let pieces: [MemoryPiece]
        switch unsafe request {  // SAFETY: reads the words of the request.
        case .send(_, let memory, let count):
            // SAFETY: the operation's memory.
            pieces = [unsafe MemoryPiece(UnsafeRawBufferPointer(start: memory, count: count))]
        case .sendMessage(_, let message):
            pieces = unsafe MemoryPiece.all(of: message.pointee)  // SAFETY: as above.
        default: return nil
        }
        var digest = UInt64(pieces.count)
        for piece in pieces {
            digest = mix(digest, UInt64(piece.count))
            for byte in piece.prefix(min(piece.count, endByteCount)).copy {
                digest = mix(digest, UInt64(byte))
            }
            for byte in piece.suffix(min(piece.count, endByteCount)).copy {
                digest = mix(digest, UInt64(byte))
            }
        }
        return digest
    }

    private static func mix(_ digest: UInt64, _ word: UInt64) -> UInt64 {
        (digest ^ word) &* 0x9FB2_1C65_1E98_DF25 &+ digest &>> 29
    }
}
