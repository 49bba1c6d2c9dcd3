// SPDX-License-Identifier: MIT

/// Writes the head of a response or of a request, or trailers, into the caller's memory: a start
/// line, fields, and the empty line (RFC 9112, sections 3 to 5).
///
/// | Guarantee | all operations                                                                   |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | never waits; nothing is shared                                                   |
/// | Cost      | O(bytes), no allocation                                                          |
/// | Memory    | the caller's; nothing is written beyond its end                                  |
/// | Threads   | one owner at a time                                                              |
///
/// What would split the message is refused: a name that is no token, a value with a control byte.
/// The first fault stays and is thrown by `end`, so that the calls between need no `try`.
///
/// ```swift
/// var writer = unsafe HeadWriter(memory)
/// writer.status(200)
/// writer.field(.contentLength, 5)
/// writer.field(.contentType, "text/plain")
/// let byteCount = try writer.end()
/// ```
@safe
public struct HeadWriter {
    var output: ByteWriter

    /// A writer into memory that outlives it and that nobody else touches meanwhile.
    @unsafe
    public init(_ memory: UnsafeMutableRawBufferPointer) {
        output = unsafe ByteWriter(memory)  // SAFETY: passed on to the caller.
    }

    /// How many bytes were written so far.
    public var byteCount: Int { output.count }

    /// The first fault so far.
    public var fault: HTTP1WriteError? { output.fault }

    /// A response's first line, with the status's own reason; nothing stands for an unknown one.
    public mutating func status(_ status: Int) {
        switch status {
        case 200: output.append("HTTP/1.1 200 OK\r\n")
        case 304: output.append("HTTP/1.1 304 Not Modified\r\n")
        case 404: output.append("HTTP/1.1 404 Not Found\r\n")
        default: self.status(status, reason: ReasonPhrase.of(status))
        }
    }

    /// A response's first line. A status has three digits.
    public mutating func status(_ status: Int, reason: StaticString) {
        let reason = Bytes(literal: reason)
        guard status >= 100, status <= 999, Self.isValue(reason) else {
            return output.fail(.badStartLine)
        }
        output.append("HTTP/1.1 ")
        output.append(decimal: UInt64(status))
        output.append(Ascii.space)
        output.append(reason)
        output.appendLineEnd()
    }

    /// A request's first line. The target is written as it is given: it may hold visible ASCII
    /// only, but no `"`, `#`, `<` or `>`.
    public mutating func request(_ method: RequestMethod, target: UnsafeRawBufferPointer) {
        // SAFETY: lent for the call.
        guard let target = unsafe Bytes(target), method != .other else {
            return output.fail(.badStartLine)
        }
        request(Bytes(literal: method.name), target)
    }

    /// A request's first line, for any method that is a token.
    public mutating func request(
        method: UnsafeRawBufferPointer, target: UnsafeRawBufferPointer
    ) {
        // SAFETY: lent for the call.
        guard let method = unsafe Bytes(method), let target = unsafe Bytes(target) else {
            return output.fail(.badStartLine)
        }
        request(method, target)
    }

    private mutating func request(_ method: Bytes, _ target: Bytes) {
        guard Self.isToken(method), TargetSyntax.queryStop(target, from: 0) == target.count else {
            return output.fail(.badStartLine)
        }
        output.append(method)
        output.append(Ascii.space)
        output.append(target)
        output.append(" HTTP/1.1\r\n")
    }

    /// The empty line. How many bytes were written, or the first fault.
    public mutating func end() throws(HTTP1WriteError) -> Int {
        output.appendLineEnd()
        if let fault = output.fault { throw fault }
        return output.count
    }

    /// Whether bytes are a token: a name or a method.
    static func isToken(_ bytes: Bytes) -> Bool {
        bytes.count > 0 && bytes.tokenStop(from: 0) == bytes.count
    }

    /// Whether bytes may be a value.
    static func isValue(_ bytes: Bytes) -> Bool {
        bytes.valueStop(from: 0) == bytes.count
    }
}
