// SPDX-License-Identifier: MIT

/// What the fields of a head say about framing and about the connection, gathered line by line.
struct FieldFacts: Sendable, BitwiseCopyable {
    struct Flags: OptionSet, Sendable, BitwiseCopyable {
        var rawValue: UInt16

        static var hasHost: Flags { Flags(rawValue: 1 << 0) }
        static var hasLength: Flags { Flags(rawValue: 1 << 1) }
        static var hasEncoding: Flags { Flags(rawValue: 1 << 2) }
        /// The last transfer coding so far is "chunked".
        static var isChunked: Flags { Flags(rawValue: 1 << 3) }
        static var hasOtherEncoding: Flags { Flags(rawValue: 1 << 4) }
        static var saysClose: Flags { Flags(rawValue: 1 << 5) }
        static var saysKeepAlive: Flags { Flags(rawValue: 1 << 6) }
        static var saysUpgrade: Flags { Flags(rawValue: 1 << 7) }
        static var hasUpgrade: Flags { Flags(rawValue: 1 << 8) }
        static var expectsContinue: Flags { Flags(rawValue: 1 << 9) }
        static var expectsOther: Flags { Flags(rawValue: 1 << 10) }
    }

    var flags: Flags = []
    var port: UInt16 = 0
    var host = ByteRange.empty
    var contentLength: UInt64 = 0

    /// Takes a special field of a request into account.
    mutating func takeRequest(_ record: FieldRecord, _ bytes: Bytes) throws(HTTP1Error) {
        switch record.known {
        case .host: try takeHost(record.value, bytes)
        case .expect: takeExpect(record.value, bytes)
        default: try takeCommon(record, bytes)
        }
    }

    /// Takes a special field of a response into account.
    mutating func takeCommon(_ record: FieldRecord, _ bytes: Bytes) throws(HTTP1Error) {
        switch record.known {
        case .contentLength: try takeLength(record.value, bytes)
        case .transferEncoding: try takeEncoding(record.value, bytes)
        case .connection: takeConnection(record.value, bytes)
        case .upgrade: if !record.value.isEmpty { flags.insert(.hasUpgrade) }
        default: break
        }
    }

    private mutating func takeHost(_ value: ByteRange, _ bytes: Bytes) throws(HTTP1Error) {
        if flags.contains(.hasHost) { throw .repeatedHost }
        flags.insert(.hasHost)
        guard let authority = HostSyntax.parse(bytes, value) else { throw .badHost }
        host = authority.host
        port = authority.port
    }

    /// RFC 9110, section 8.6: one decimal number. A list of equal numbers, or the line twice, may
    /// be taken or refused; it is refused, because only faults and attacks send it.
    private mutating func takeLength(_ value: ByteRange, _ bytes: Bytes) throws(HTTP1Error) {
        if flags.contains(.hasLength) { throw .repeatedContentLength }
        flags.insert(.hasLength)
        if value.isEmpty { throw .badContentLength }
        var number: UInt64 = 0
        for index in value.offsets {
            let digit = bytes[index] &- 0x30
            if digit > 9 || number > UInt64(Int64.max) / 10 { throw .badContentLength }
            number = number &* 10 &+ UInt64(digit)
        }
        if number > UInt64(Int64.max) { throw .badContentLength }
        contentLength = number
    }

    /// RFC 9112, sections 6.1 and 7: a list of codings, of which the last is "chunked", once and
    /// without parameters. Empty members, allowed elsewhere, are refused: others read them
    /// otherwise.
    private mutating func takeEncoding(_ value: ByteRange, _ bytes: Bytes) throws(HTTP1Error) {
        flags.insert(.hasEncoding)
        if value.isEmpty { throw .badTransferEncoding }
        var members = RawMembers(value)
        while let member = members.next(bytes) {  // Ends: each turn goes on behind a comma.
            if member.isEmpty || flags.contains(.isChunked) { throw .badTransferEncoding }
            for index in member.offsets where !Ascii.isToken(bytes[index]) {
                throw .badTransferEncoding
            }
            if bytes.isEqual(member, toLowercase: "chunked") {
                flags.insert(.isChunked)
            } else {
                flags.insert(.hasOtherEncoding)
            }
        }
    }

    /// RFC 9110, section 7.6.1: whole tokens, in any case.
    private mutating func takeConnection(_ value: ByteRange, _ bytes: Bytes) {
        var members = RawMembers(value)
        while let member = members.next(bytes) {  // Ends: each turn goes on behind a comma.
            if bytes.isEqual(member, toLowercase: "keep-alive") {
                flags.insert(.saysKeepAlive)
            } else if bytes.isEqual(member, toLowercase: "close") {
                flags.insert(.saysClose)
            } else if bytes.isEqual(member, toLowercase: "upgrade") {
                flags.insert(.saysUpgrade)
            }
        }
    }

    /// RFC 9110, section 10.1.1: a list of expectations, of which only one is defined.
    private mutating func takeExpect(_ value: ByteRange, _ bytes: Bytes) {
        var members = RawMembers(value)
        while let member = members.next(bytes) {  // Ends: each turn goes on behind a comma.
            if member.isEmpty { continue }
            let isContinue = bytes.isEqual(member, toLowercase: "100-continue")
            flags.insert(isContinue ? .expectsContinue : .expectsOther)
        }
    }
}

extension FieldFacts {
    /// Whether the transfer codings are those that this room can read: "chunked" alone.
    ///
    /// RFC 9112, section 6.3: without "chunked" at the end the length of a request is unknown, 400;
    /// section 6.1: a coding before it that is not understood, 501.
    func checkEncoding(versionMinor: UInt8) throws(HTTP1Error) {
        if versionMinor == 0 { throw .encodingInOldVersion }
        if flags.contains(.hasLength) { throw .lengthAndEncoding }
        if !flags.contains(.isChunked) { throw .badTransferEncoding }
        if flags.contains(.hasOtherEncoding) { throw .unsupportedEncoding }
    }

    /// RFC 9112, section 9.3: "close" wins; HTTP/1.0 stays open only if it asks to.
    func keepsAlive(versionMinor: UInt8) -> Bool {
        if flags.contains(.saysClose) { return false }
        return versionMinor >= 1 || flags.contains(.saysKeepAlive)
    }
}

/// The members of a list in one value, split at commas, without the blanks around them; quotes mean
/// nothing. For lists of tokens.
struct RawMembers {
    private var position: Int
    private let end: Int

    init(_ value: ByteRange) {
        position = value.lowerBound
        end = value.upperBound
    }

    /// The next member, perhaps empty; nil behind the last.
    mutating func next(_ bytes: Bytes) -> ByteRange? {
        if position > end { return nil }
        var first = position
        var last = position
        while last < end, bytes[last] != Ascii.comma { last &+= 1 }
        position = last &+ 1
        while first < last, Ascii.isBlank(bytes[first]) { first &+= 1 }
        while last > first, Ascii.isBlank(bytes[last &- 1]) { last &-= 1 }
        return ByteRange(first, last)
    }
}
