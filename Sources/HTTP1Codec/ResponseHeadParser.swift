// SPDX-License-Identifier: MIT

/// Parses the head of one response: status line and fields (RFC 9112, sections 4 to 6).
///
/// | Guarantee | `parse`                                                                          |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | never waits; nothing is shared                                                   |
/// | Order     | the same head or the same error, however the bytes are cut                       |
/// | Cost      | O(bytes that are new since the last call); no allocation                         |
/// | Memory    | this value, and the table                                                        |
/// | Threads   | one owner at a time                                                              |
///
/// It is used as `RequestHeadParser` is. What a response's body is depends on the request, so the
/// parser is told its method. Interim responses are heads of their own: `reset` and go on.
public struct ResponseHeadParser: Sendable, BitwiseCopyable {
    /// Which part of the head `position` is in.
    private enum Stage: UInt8, Sendable, BitwiseCopyable {
        case version, status, reason, fields
    }

    private let method: RequestMethod
    private var stage = Stage.version
    private var position = 0
    private var head = ResponseHead()
    private var scanner = FieldScanner(.response, at: 0)

    /// A parser for one response to a request of that method.
    public init(to method: RequestMethod) { self.method = method }

    /// Makes the parser ready for the next response to the same request.
    public mutating func reset() { self = ResponseHeadParser(to: method) }

    /// Goes on with the bytes from the message's first on; nil if the head is not complete.
    public mutating func parse(
        _ bytes: Span<UInt8>, limits: HTTPLimits, fields: inout FieldTable
    ) throws(HTTP1Error) -> ResponseHead? {
        // SAFETY: lent for the call.
        try unsafe bytes.withUnsafeBytes { (buffer) throws(HTTP1Error) in
            try unsafe parse(buffer, limits: limits, fields: &fields)
        }
    }

    /// Goes on with the bytes from the message's first on; nil if the head is not complete.
    public mutating func parse(
        _ buffer: UnsafeRawBufferPointer, limits: HTTPLimits, fields: inout FieldTable
    ) throws(HTTP1Error) -> ResponseHead? {
        // SAFETY: lent for the call.
        guard let bytes = unsafe Bytes(buffer) else { return nil }
        if stage != .fields {
            guard try parseLine(bytes, limits) else { return nil }
            fields.removeAll()
            scanner = FieldScanner(.response, at: position)
            stage = .fields
        }
        guard try scanner.scan(bytes, limits: limits, table: &fields) else { return nil }
        try finish(limits)
        return head
    }

    /// `HTTP-version SP 3DIGIT SP [ reason-phrase ] CRLF`. Servers that leave out the last space
    /// together with the reason are many, and understood.
    private mutating func parseLine(
        _ bytes: Bytes, _ limits: HTTPLimits
    ) throws(HTTP1Error) -> Bool {
        if stage == .version {
            guard let version = try VersionSyntax.parse(bytes, at: position, isLast: false) else {
                return false
            }
            if version.major != 1 { throw .unsupportedVersion }
            head.versionMinor = version.minor
            position &+= VersionSyntax.byteCount
            stage = .status
        }
        if stage == .status {
            guard try parseStatus(bytes) else { return false }
            stage = .reason
        }
        position = bytes.valueStop(from: position)
        if position &- head.reason.lowerBound > limits.reasonByteCountMax { throw .badStatusLine }
        guard position < bytes.count else { return false }
        if bytes[position] == Ascii.lineFeed { throw .bareLineFeed }
        if bytes[position] != Ascii.carriageReturn { throw .badStatusLine }
        guard position &+ 1 < bytes.count else { return false }
        if bytes[position &+ 1] != Ascii.lineFeed { throw .bareCarriageReturn }
        head.reason = ByteRange(head.reason.lowerBound, position)
        position &+= 2
        return true
    }

    /// A space, three digits, and a space or the line's end; false if they have not come.
    private mutating func parseStatus(_ bytes: Bytes) throws(HTTP1Error) -> Bool {
        var status = 0
        for offset in 0..<5 {
            guard position &+ offset < bytes.count else { return false }
            let byte = bytes[position &+ offset]
            switch offset {
            case 0:
                if byte != Ascii.space { throw .badStatusLine }
            case 4:
                if byte == Ascii.lineFeed { throw .bareLineFeed }
                if byte != Ascii.space && byte != Ascii.carriageReturn { throw .badStatusLine }
                position &+= byte == Ascii.space ? 5 : 4
            default:
                if !Ascii.isDigit(byte) { throw .badStatusLine }
                status = status &* 10 &+ Int(byte &- 0x30)
                if status == 0 { throw .badStatusLine }
            }
        }
        head.status = status
        head.reason = ByteRange(position, position)
        return true
    }

    /// RFC 9112, section 6.3.
    private mutating func finish(_ limits: HTTPLimits) throws(HTTP1Error) {
        let facts = scanner.facts
        head.byteCount = scanner.position
        head.keepsAlive = facts.keepsAlive(versionMinor: head.versionMinor)
        let isSuccess = head.status >= 200 && head.status < 300
        if head.status == 101 || (method == .connect && isSuccess) {
            head.switchesProtocol = true
            return
        }
        let isEncoded = facts.flags.contains(.hasEncoding)
        if isEncoded { try facts.checkEncoding(versionMinor: head.versionMinor) }
        if head.status < 200 || head.status == 204 || head.status == 304 || method == .head {
            return
        }
        if isEncoded {
            head.framing = .chunked
        } else if facts.contentLength > 0 {
            head.framing = .length(facts.contentLength)
            if facts.contentLength > limits.bodyByteCountMax { head.refusal = .bodyTooLong }
        } else if !facts.flags.contains(.hasLength) {
            head.framing = .untilClose
            head.keepsAlive = false
        }
    }
}
