// SPDX-License-Identifier: MIT

/// One `name=value` behind a semicolon, as places in the header's bytes.
struct HeaderParameter: Equatable {
    /// The name.
    var name: Range<Int>
    /// The value, without the quotes around it; escapes are still in it.
    var value: Range<Int>
    /// Whether quotes stood around the value.
    var isQuoted: Bool
}

/// A header value such as `form-data; name="a"; filename="b"`: the value and its parameters. RFC
/// 9110, 5.6.6.
struct HeaderParameters {
    /// What stands before the first semicolon.
    private(set) var value: Range<Int>
    /// Whether something was found that is no parameter; then there are no more.
    private(set) var isMalformed = false

    private var position: Int
    private let end: Int

    /// Finds the value.
    init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        var index = range.lowerBound
        while index < range.upperBound, bytes[index] != 0x3B { index &+= 1 }
        value = HeaderBytes.trimmed(bytes, range.lowerBound..<index)
        position = index
        end = range.upperBound
    }

    /// The next parameter, or nil at the end. Empty ones are skipped.
    mutating func next(in bytes: Span<UInt8>) -> HeaderParameter? {
        while position < end, bytes[position] == 0x3B || HeaderBytes.isBlank(bytes[position]) {
            position &+= 1
        }
        guard position < end, !isMalformed else { return nil }
        let start = position
        while position < end, HeaderBytes.isTokenByte(bytes[position]) { position &+= 1 }
        let name = start..<position
        guard !name.isEmpty, position < end, bytes[position] == 0x3D else {
            isMalformed = true
            return nil
        }
        position &+= 1
        let isQuoted = position < end && bytes[position] == 0x22
        guard let value = isQuoted ? quoted(bytes) : plain(bytes) else {
            isMalformed = true
            return nil
        }
        return HeaderParameter(name: name, value: value, isQuoted: isQuoted)
    }

    private mutating func quoted(_ bytes: Span<UInt8>) -> Range<Int>? {
        position &+= 1
        let start = position
        while position < end, bytes[position] != 0x22 {  // Ends: one byte a turn or two.
            // An old browser writes a path's backslashes as they are: only \" is an escape.
            let isEscape =
                bytes[position] == 0x5C && position &+ 1 < end && bytes[position &+ 1] == 0x22
            position &+= isEscape ? 2 : 1
        }
        guard position < end else { return nil }
        let value = start..<position
        position &+= 1
        return isAtEnd(bytes) ? value : nil
    }

    private mutating func plain(_ bytes: Span<UInt8>) -> Range<Int>? {
        let start = position
        while position < end, HeaderBytes.isTokenByte(bytes[position]) { position &+= 1 }
        let value = start..<position
        return isAtEnd(bytes) ? value : nil
    }

    /// Whether a semicolon or the end follows, behind blanks.
    private func isAtEnd(_ bytes: Span<UInt8>) -> Bool {
        var index = position
        while index < end, HeaderBytes.isBlank(bytes[index]) { index &+= 1 }
        return index == end || bytes[index] == 0x3B
    }
}
