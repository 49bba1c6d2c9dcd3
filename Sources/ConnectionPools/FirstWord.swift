// SPDX-License-Identifier: MIT

/// The first word of a line: behind leading spaces and tabs, up to the next space, tab, CR or LF. A
/// line of nothing else has an empty first word.
enum FirstWord {
    /// The word's place in the bytes.
    static func range(in bytes: UnsafeRawBufferPointer) -> Range<Int> {
        var start = 0
        let count = bytes.count
        while start < count, unsafe isBlank(bytes[start]) { start += 1 }  // SAFETY: in bounds.
        var end = start
        while end < count, unsafe !isBreak(bytes[end]) { end += 1 }  // SAFETY: in bounds.
        return start..<end
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    static func isBreak(_ byte: UInt8) -> Bool { isBlank(byte) || byte == 0x0A || byte == 0x0D }
}
