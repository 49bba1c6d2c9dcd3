// SPDX-License-Identifier: MIT

/// Parses the head of one request: request line and fields (RFC 9112, sections 2 to 6).
///
/// | Guarantee | `parse`                                                                          |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | never waits; nothing is shared                                                   |
/// | Order     | the same head or the same error, however the bytes are cut                       |
/// | Cost      | O(bytes that are new since the last call); no allocation                         |
/// | Memory    | this value, and the table                                                        |
/// | Threads   | one owner at a time                                                              |
///
/// The bytes are the caller's: it calls with those from the message's first on, and, after nil,
/// again with the same and some more, wherever they lie by then. The parser holds offsets. The
/// table must be the same one, untouched in between. After a head or an error, `reset` makes the
/// parser ready for the next message.
///
/// ```swift
/// var parser = RequestHeadParser()
/// var fields = FieldTable(capacity: 64)
/// let head = try parser.parse(bytes, limits: limits, fields: &fields)  // nil: read more
/// ```
public struct RequestHeadParser: Sendable, BitwiseCopyable {
    /// Which part of the head `position` is in.
    private enum Stage: UInt8, Sendable, BitwiseCopyable {
        case emptyLines, method, path, query, otherTarget, version, fields
    }

    private var stage = Stage.emptyLines
    private var isOtherTarget = false
    private var emptyLineCount: UInt8 = 0
    private var position = 0
    private var head = RequestHead()
    private var scanner = FieldScanner(.request, at: 0)

    /// A parser for one head.
    public init() {}

    /// Whether no byte of the message itself has been seen: only then may a connection be closed
    /// without an answer.
    public var isAtStart: Bool { stage == .emptyLines }

    /// Makes the parser ready for the next message.
    public mutating func reset() { self = RequestHeadParser() }

    /// Goes on with the bytes from the message's first on; nil if the head is not complete.
    public mutating func parse(
        _ bytes: Span<UInt8>, limits: HTTPLimits, fields: inout FieldTable
    ) throws(HTTP1Error) -> RequestHead? {
        // SAFETY: lent for the call.
        try unsafe bytes.withUnsafeBytes { (buffer) throws(HTTP1Error) in
            try unsafe parse(buffer, limits: limits, fields: &fields)
        }
    }

    /// Goes on with the bytes from the message's first on; nil if the head is not complete.
    public mutating func parse(
        _ buffer: UnsafeRawBufferPointer, limits: HTTPLimits, fields: inout FieldTable
    ) throws(HTTP1Error) -> RequestHead? {
        // SAFETY: used within the call only.
        guard let bytes = unsafe Bytes(buffer) else { return nil }
        if stage != .fields {
            guard try parseLine(bytes, limits) else { return nil }
            fields.removeAll()
            scanner = FieldScanner(.request, at: position)
            stage = .fields
        }
        guard try scanner.scan(bytes, limits: limits, table: &fields) else { return nil }
        try finish(bytes, limits)
        return head
    }

    private mutating func parseLine(
        _ bytes: Bytes, _ limits: HTTPLimits
    ) throws(HTTP1Error) -> Bool {
        if stage == .emptyLines {
            guard try skipEmptyLines(bytes, limits) else { return false }
            head.methodName = ByteRange(position, position)
            stage = .method
        }
        if stage == .method {
            guard try parseMethod(bytes, limits) else { return false }
        }
        if stage == .path || stage == .query || stage == .otherTarget {
            guard try parseTarget(bytes, limits) else { return false }
            isOtherTarget = stage == .otherTarget
            stage = .version
        }
        return try parseVersion(bytes)
    }

    /// RFC 9112, section 2.2: a server should ignore at least one empty line.
    private mutating func skipEmptyLines(
        _ bytes: Bytes, _ limits: HTTPLimits
    ) throws(HTTP1Error) -> Bool {
        while position < bytes.count {
            if bytes[position] != Ascii.carriageReturn { return true }
            guard position &+ 1 < bytes.count else { return false }
            if bytes[position &+ 1] != Ascii.lineFeed { throw .bareCarriageReturn }
            if Int(emptyLineCount) >= min(limits.emptyLineCountMax, Int(UInt8.max)) {
                throw .tooManyEmptyLines
            }
            emptyLineCount &+= 1
            position &+= 2
        }
        return false
    }

    /// "GET " as `Bytes.quad(at:)` reads it: most requests begin so.
    private static var get: UInt32 { 0x2054_4547 }

    @inline(__always)
    private mutating func parseMethod(
        _ bytes: Bytes, _ limits: HTTPLimits
    ) throws(HTTP1Error) -> Bool {
        let start = head.methodName.lowerBound
        if position == start, position &+ 5 <= bytes.count, bytes.quad(at: position) == Self.get {
            position &+= 3
        }
        while position < bytes.count, Ascii.isToken(bytes[position]) { position &+= 1 }
        if position &- start > limits.methodByteCountMax { throw .badMethod }
        guard position < bytes.count else { return false }
        if bytes[position] != Ascii.space || position == start {
            throw position == start && bytes[position] == Ascii.lineFeed
                ? .bareLineFeed : .badMethod
        }
        // What kind of target follows is seen from its first byte.
        guard position &+ 1 < bytes.count else { return false }
        head.methodName = ByteRange(start, position)
        head.method = RequestMethod.recognize(bytes, head.methodName)
        position &+= 1
        head.target.whole = ByteRange(position, position)
        let isOrigin = bytes[position] == Ascii.slash && head.method != .connect
        stage = isOrigin ? .path : .otherTarget
        return true
    }

    @inline(__always)
    private mutating func parseTarget(
        _ bytes: Bytes, _ limits: HTTPLimits
    ) throws(HTTP1Error) -> Bool {
        let start = head.target.whole.lowerBound
        if stage == .path {
            let stop = TargetSyntax.pathStop(bytes, from: position)
            position = stop.index
            if position &- start > limits.targetByteCountMax { throw .targetTooLong }
            if stop.reason == .badEscape { throw .badTarget }
            if stop.reason == .more { return false }
            head.target.path = ByteRange(start, position)
            if bytes[position] == Ascii.question {
                position &+= 1
                head.target.hasQuery = true
                head.target.query = ByteRange(position, position)
                stage = .query
            }
        }
        if stage == .query {
            position = TargetSyntax.queryStop(bytes, from: position)
            if position &- start > limits.targetByteCountMax { throw .targetTooLong }
            guard position < bytes.count else { return false }
            head.target.query = ByteRange(head.target.query.lowerBound, position)
        }
        if stage == .otherTarget {
            position = TargetSyntax.queryStop(bytes, from: position)
            if position &- start > limits.targetByteCountMax { throw .targetTooLong }
            guard position < bytes.count else { return false }
        }
        try endTarget(bytes, from: start)
        return true
    }

    /// The byte behind the target must be the one space before the version.
    @inline(__always)
    private mutating func endTarget(_ bytes: Bytes, from start: Int) throws(HTTP1Error) {
        switch bytes[position] {
        case Ascii.space: break
        case Ascii.lineFeed: throw .bareLineFeed
        // The simple request of HTTP/0.9, or a target that is not there.
        case Ascii.carriageReturn: throw .badVersion
        default: throw .badTarget
        }
        head.target.whole = ByteRange(start, position)
        position &+= 1
    }

    private mutating func parseVersion(_ bytes: Bytes) throws(HTTP1Error) -> Bool {
        guard let version = try VersionSyntax.parse(bytes, at: position, isLast: true) else {
            return false
        }
        // Before the target is judged: the preface of HTTP/2 asks for "*".
        if version.major != 1 { throw .unsupportedVersion }
        if isOtherTarget {
            guard TargetSyntax.parseOther(bytes, head.method, &head.target) else {
                throw .badTarget
            }
        }
        head.versionMinor = version.minor
        position &+= VersionSyntax.byteCount &+ 2
        return true
    }

    /// Draws the conclusions from all fields.
    @inline(__always)
    private mutating func finish(
        _ bytes: Bytes, _ limits: HTTPLimits
    ) throws(HTTP1Error) {
        let facts = scanner.facts
        head.byteCount = scanner.position
        if facts.flags.contains(.hasEncoding) {
            try facts.checkEncoding(versionMinor: head.versionMinor)
            head.framing = .chunked
        } else if facts.contentLength > 0 {
            head.framing = .length(facts.contentLength)
            if facts.contentLength > limits.bodyByteCountMax { head.refusal = .bodyTooLong }
        }
        // RFC 9112, section 3.2: HTTP/1.1 must have a Host, whatever the target says.
        if !facts.flags.contains(.hasHost) && head.versionMinor > 0 { throw .missingHost }
        let isHostInTarget = head.target.form == .absolute || head.target.form == .authority
        head.host = isHostInTarget ? head.target.host : facts.host
        head.port = isHostInTarget ? head.target.port : facts.port
        head.keepsAlive = facts.keepsAlive(versionMinor: head.versionMinor)
        if head.versionMinor > 0 { takeWishes(facts) }
    }

    /// What HTTP/1.0 does not have: expectations (RFC 9110, section 10.1.1) and upgrades (7.8).
    @inline(__always)
    private mutating func takeWishes(_ facts: FieldFacts) {
        if facts.flags.contains(.expectsOther) {
            head.refusal = .unmetExpectation
        } else if facts.flags.contains(.expectsContinue) {
            head.expectsContinue = head.framing != .none
        }
        head.wantsUpgrade =
            facts.flags.contains(.hasUpgrade) && facts.flags.contains(.saysUpgrade)
    }
}
