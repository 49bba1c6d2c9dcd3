// SPDX-License-Identifier: MIT

/// The head of one part, with what a form needs of it. RFC 7578, 4.
public struct MultipartHead: Equatable, Sendable {
    /// The field's name in the form.
    public let name: String
    /// The file's name as the client gave it; nil if the part is no file. It may be anything, also
    /// a path: see `safeFileName`.
    public let fileName: String?
    /// The value of `Content-Type`, without which a part is `text/plain`.
    public let contentType: String?

    /// Reads a head: the lines of a part up to its empty line, without that. Field names in any
    /// case; `filename*` is not looked at (RFC 7578, 4.2 forbids it).
    init(_ bytes: Span<UInt8>, fieldCountMax: Int) throws(MultipartError) {
        var disposition: Range<Int>?
        var type: Range<Int>?
        var position = 0
        var rest = fieldCountMax
        while position < bytes.count {  // Ends: every turn goes on by one line.
            let line = try Self.nextLine(bytes, at: &position)
            guard rest > 0 else { throw .tooManyFields }
            rest -= 1
            let (name, value) = try Self.split(bytes, line)
            if HeaderBytes.matches(bytes, name, "content-disposition") {
                guard disposition == nil else { throw .malformedHead }
                disposition = value
            } else if HeaderBytes.matches(bytes, name, "content-type") {
                guard type == nil else { throw .malformedHead }
                type = value
            }
        }
        guard let disposition else { throw .missingName }
        var list = HeaderParameters(bytes, disposition)
        guard HeaderBytes.matches(bytes, list.value, "form-data") else { throw .missingName }
        var formName: String?
        var fileName: String?
        while let parameter = list.next(in: bytes) {  // Ends: every turn goes on.
            if HeaderBytes.matches(bytes, parameter.name, "name"), formName == nil {
                formName = Self.text(bytes, parameter)
            } else if HeaderBytes.matches(bytes, parameter.name, "filename"), fileName == nil {
                fileName = Self.text(bytes, parameter)
            }
        }
        guard let formName, !list.isMalformed else { throw .missingName }
        self.name = formName
        self.fileName = fileName
        self.contentType = type.map { range in
            var result: [UInt8] = []
            for index in range { result.append(bytes[index]) }
            return String(decoding: result, as: UTF8.self)
        }
    }

    /// The last piece of the file's name, without control bytes; nil if nothing is left, or "."
    /// or "..". It is fit to show, and still no name to open: two parts may have the same.
    public var safeFileName: String? {
        guard let fileName else { return nil }
        let last = fileName.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }.last
        var name = ""
        for scalar in (last ?? "").unicodeScalars where scalar.value >= 0x20 {
            if scalar.value != 0x7F { name.unicodeScalars.append(scalar) }
        }
        return name.isEmpty || name == "." || name == ".." ? nil : name
    }

    private static func nextLine(
        _ bytes: Span<UInt8>, at position: inout Int
    ) throws(MultipartError) -> Range<Int> {
        let start = position
        while position < bytes.count, bytes[position] != 0x0D {  // Ends: one byte a turn.
            if bytes[position] == 0x0A || bytes[position] == 0 { throw .malformedHead }
            position &+= 1
        }
        guard position &+ 1 < bytes.count, bytes[position &+ 1] == 0x0A else {
            throw .malformedHead
        }
        let line = start..<position
        position &+= 2
        return line
    }

    private static func split(
        _ bytes: Span<UInt8>, _ line: Range<Int>
    ) throws(MultipartError) -> (name: Range<Int>, value: Range<Int>) {
        var colon = line.lowerBound
        while colon < line.upperBound, HeaderBytes.isTokenByte(bytes[colon]) { colon &+= 1 }
        guard colon > line.lowerBound, colon < line.upperBound, bytes[colon] == 0x3A else {
            throw .malformedHead
        }
        let value = HeaderBytes.trimmed(bytes, (colon &+ 1)..<line.upperBound)
        return (line.lowerBound..<colon, value)
    }

    /// A parameter's text: browsers write a quote, CR and LF as %22, %0D and %0A (HTML
    /// Standard, "multipart form data"); older clients put a backslash before a
    /// quote. Other backslashes are part of the name.
    private static func text(_ bytes: Span<UInt8>, _ parameter: HeaderParameter) -> String {
        var result: [UInt8] = []
        var index = parameter.value.lowerBound
        let end = parameter.value.upperBound
        while index < end {  // Ends: every turn goes on by one byte or more.
            let byte = bytes[index]
            if byte == 0x5C, parameter.isQuoted, index &+ 1 < end, bytes[index &+ 1] == 0x22 {
                result.append(0x22)
                index &+= 2
            } else if byte == 0x25, let decoded = PercentCoding.byte(in: bytes, at: index),
                decoded == 0x22 || decoded == 0x0D || decoded == 0x0A, index &+ 2 < end
            {
                result.append(decoded)
                index &+= 3
            } else {
                result.append(byte)
                index &+= 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
