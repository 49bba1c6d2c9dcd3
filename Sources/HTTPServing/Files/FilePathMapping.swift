// SPDX-License-Identifier: MIT

/// Makes a path of the file system out of a path of a URL, in such a way that it stays below the
/// folder it is opened from. The kernel checks the same once more: see `FileRoot`.
///
/// | In the path | What happens |
/// |-------------|--------------|
/// | "." and "..", percent-encoded or not | refused |
/// | an encoded slash, a backslash, encoded or not | refused: they are separators somewhere |
/// | NUL, control bytes, broken "%" | refused |
/// | empty segments, as in `a//b` or `/etc` | refused |
/// | a name that begins with a dot | as `HiddenFiles` says |
/// | a segment of more than 255 bytes, a path of more than 4,095 | refused: no file has one |
public enum FilePathMapping {
    /// The most bytes of a mapped path: PATH_MAX of Linux without the NUL.
    public static let byteCountMax = 4095
    /// The most bytes of one name: NAME_MAX.
    public static let nameByteCountMax = 255

    /// Why no file has such a path.
    public enum Fault: Error, Equatable, Sendable {
        /// It would leave the folder, or means different things to different programs: answer 400.
        case malformed
        /// It names something hidden: answer 404.
        case hidden
        /// It is too long for the file system: answer 404.
        case tooLong
    }

    /// Appends the decoded path without a slash at its beginning and end; answers whether the path
    /// names a folder: it is empty or ends with a slash. The folder itself is ".".
    ///
    /// `path` is percent-encoded and begins with a name, as what a router's wildcard took. A slash
    /// there is refused: in the redirection to a folder, `//name/` would be another host.
    /// O(bytes); allocates only if the output has no room.
    public static func map(
        _ path: Span<UInt8>, hidden: HiddenFiles, to output: inout [UInt8]
    ) throws(Fault) -> Bool {
        let outputStart = output.count
        var start = 0
        let isFolder = path.isEmpty || path[path.count &- 1] == 0x2F
        let end = isFolder && !path.isEmpty ? path.count &- 1 : path.count
        var isFirst = true
        while start < end {  // Ends: every turn goes on by one segment.
            var next = start
            while next < end, path[next] != 0x2F { next &+= 1 }
            if next == end &- 1 { throw .malformed }
            if !isFirst { output.append(0x2F) }
            let nameStart = output.count
            try appendName(path, start..<next, to: &output)
            try check(output.span.extracting(nameStart..<output.count), hidden, isFirst: isFirst)
            guard output.count - outputStart <= byteCountMax else { throw .tooLong }
            isFirst = false
            start = next &+ 1
        }
        if isFirst {
            // Nothing is the folder; "/" is a path with an empty name.
            guard path.isEmpty else { throw .malformed }
            output.append(0x2E)
        }
        return isFolder
    }

    private static func appendName(
        _ path: Span<UInt8>, _ range: Range<Int>, to output: inout [UInt8]
    ) throws(Fault) {
        guard !range.isEmpty else { throw .malformed }
        guard range.count <= 3 * nameByteCountMax else { throw .tooLong }
        var index = range.lowerBound
        while index < range.upperBound {  // Ends: every turn goes on by one byte or three.
            let isEscape = path[index] == 0x25
            if isEscape, index &+ 2 >= range.upperBound { throw .malformed }
            let before = index
            let byte = PercentCoding.next(in: path, at: &index)
            if isEscape, index == before &+ 1 { throw .malformed }
            if byte < 0x20 || byte == 0x7F || byte == 0x2F || byte == 0x5C { throw .malformed }
            output.append(byte)
        }
    }

    /// A decoded name.
    private static func check(
        _ name: Span<UInt8>, _ hidden: HiddenFiles, isFirst: Bool
    ) throws(Fault) {
        guard name.count <= nameByteCountMax else { throw .tooLong }
        guard name[0] == 0x2E else { return }
        if name.count == 1 || name.count == 2 && name[1] == 0x2E { throw .malformed }
        switch hidden {
        case .served: return
        case .refused: throw .hidden
        case .wellKnown:
            guard isFirst, HeaderBytes.matches(name, 0..<name.count, ".well-known") else {
                throw .hidden
            }
        }
    }
}
