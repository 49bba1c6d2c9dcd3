// SPDX-License-Identifier: MIT

/// Takes the first word of every line out of a stream of bytes, however the stream is cut. The rest
/// of a line is skipped, so a long line costs no memory, and neither does a word that is longer
/// than any that is waited for.
struct AnswerParser {
    /// The longest word that can match a message; a longer one is told as nil.
    var wordByteCountMax = 0

    private enum Part { case before, word, rest }

    private var part = Part.before
    /// The beginning of a word whose end has not come yet.
    private(set) var carried: [UInt8] = []
    private var isTooLong = false

    /// Calls `body` with each first word whose line is complete; with nil for one that is too long.
    mutating func parse(
        _ bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer?) -> Void
    ) {
        var position = 0
        while position < bytes.count {  // Ends: every turn goes on by at least one byte.
            // SAFETY: lent by the caller, as is what `body` gets.
            switch part {
            case .rest:
                position = unsafe skipLine(bytes, from: position, body)
            case .before:
                // SAFETY: in bounds.
                if unsafe FirstWord.isBlank(bytes[position]) {
                    position += 1
                } else {
                    part = .word
                }
            case .word:
                position = unsafe takeWord(bytes, from: position, body)  // SAFETY: as above.
            }
        }
    }

    private mutating func takeWord(
        _ bytes: UnsafeRawBufferPointer, from start: Int, _ body: (UnsafeRawBufferPointer?) -> Void
    ) -> Int {
        var end = start
        // SAFETY: in bounds, both.
        while end < bytes.count, unsafe !FirstWord.isBreak(bytes[end]) { end += 1 }
        let piece = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<end])
        guard end < bytes.count else {
            unsafe carry(piece)  // SAFETY: copied.
            return end
        }
        if unsafe bytes[end] == 0x0A, carried.isEmpty, !isTooLong {  // SAFETY: in bounds.
            part = .before
            unsafe body(piece)  // SAFETY: lent for the call.
            return end + 1
        }
        unsafe carry(piece)  // SAFETY: copied.
        part = .rest
        return end
    }

    private mutating func carry(_ piece: UnsafeRawBufferPointer) {
        if isTooLong || carried.count + piece.count > wordByteCountMax {
            isTooLong = true
            carried.removeAll(keepingCapacity: true)
        } else {
            unsafe carried.append(contentsOf: piece)  // SAFETY: copied while lent.
        }
    }

    private mutating func skipLine(
        _ bytes: UnsafeRawBufferPointer, from start: Int, _ body: (UnsafeRawBufferPointer?) -> Void
    ) -> Int {
        var end = start
        while end < bytes.count, unsafe bytes[end] != 0x0A { end += 1 }  // SAFETY: in bounds.
        guard end < bytes.count else { return end }
        if isTooLong {
            body(nil)
        } else {
            unsafe carried.withUnsafeBytes { unsafe body($0) }  // SAFETY: lent for the call.
        }
        carried.removeAll(keepingCapacity: true)
        isTooLong = false
        part = .before
        return end + 1
    }
}
