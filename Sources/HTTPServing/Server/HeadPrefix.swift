// SPDX-License-Identifier: MIT

internal import HTTP1Codec

/// The lines with which answers in a row begin, ready to be copied: the status line, `Date`,
/// `Server` and `Content-Type`. To compose and check them anew is a tenth of a small answer's work.
///
/// Threads: a loop's.
@safe
struct HeadPrefix: ~Copyable {
    // Invariants: I1  the first `byteCount` bytes were composed for `key`; none if it is zero

    /// What the lines depend on, besides what a server is configured with.
    private struct Key: Equatable {
        let status: Int
        let secondsSince1970: Int64
        /// Where the literal lies, and how long it is; zeros for none.
        let type: Int
        let typeByteCount: Int

        /// Nil for a literal that lies nowhere: a single character may be kept as a number.
        init?(_ status: Int, _ type: StaticString?, _ secondsSince1970: Int64) {
            if let type, !type.hasPointerRepresentation { return nil }
            self.status = status
            self.secondsSince1970 = secondsSince1970
            // SAFETY: only compared; a literal stays where it is.
            self.type = type.map { unsafe Int(bitPattern: $0.utf8Start) } ?? 0
            typeByteCount = type?.utf8CodeUnitCount ?? 0
        }
    }

    private let memory: UnsafeMutableRawBufferPointer
    private var byteCount = 0
    private var key: Key?

    private static var byteCountMax: Int { 512 }

    init() {
        // SAFETY: freed in `deinit`.
        unsafe memory = .allocate(byteCount: Self.byteCountMax, alignment: 16)
    }

    deinit { unsafe memory.deallocate() }  // SAFETY: allocated in `init`.

    /// Writes the kept lines; false if they are others.
    @inline(__always)
    func write(
        _ status: Int, _ type: StaticString?, _ secondsSince1970: Int64, to writer: inout HeadWriter
    ) -> Bool {
        guard byteCount > 0, let wanted = Key(status, type, secondsSince1970), wanted == key else {
            return false
        }
        // SAFETY: so many were kept (I1).
        unsafe writer.lines(UnsafeRawBufferPointer(rebasing: memory[..<byteCount]))
        return true
    }

    /// Keeps the lines that were just composed for an answer.
    mutating func keep(
        _ lines: UnsafeRawBufferPointer, _ status: Int, _ type: StaticString?,
        _ secondsSince1970: Int64
    ) {
        byteCount = 0
        key = Key(status, type, secondsSince1970)
        guard key != nil, lines.count <= Self.byteCountMax else { return }
        unsafe memory.copyMemory(from: lines)  // SAFETY: there is room for so many.
        byteCount = lines.count
    }
}
