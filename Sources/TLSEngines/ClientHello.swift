// SPDX-License-Identifier: MIT

/// Bounds for a client's first message.
public enum ClientHelloLimits {
    /// Bytes of the message. Browsers send about 2,000.
    public static let byteCountMax = 16_000
    /// Extensions. Browsers send about 20.
    public static let extensionCountMax = 64
}

/// What a client's first message says (RFC 5246, section 7.4.1.2), as ranges of its bytes.
///
/// It is read before BearSSL sees it, which ends most faults without an answer, takes an extension
/// that comes twice, and reads beyond its list of protocols when a session is resumed with none in
/// common.
public struct ClientHello: Sendable {
    /// The newest version that the client knows: 0x0303 is TLS 1.2. Later ones are said elsewhere.
    public private(set) var version: UInt16 = 0
    /// The server's name; empty if the client gives none.
    public private(set) var serverName = 0..<0
    /// The list of application protocols, each behind a byte with its length; empty if there is
    /// none.
    public private(set) var protocols = 0..<0
    /// Whether one of the suites is among those that were asked for.
    public private(set) var hasCommonSuite = false

    /// Reads a whole message, its four bytes of header included.
    ///
    /// Cost: O(bytes + extensions²). `suites` are those that this side knows.
    public init(
        parsing bytes: borrowing Span<UInt8>, suites: [UInt16]
    ) throws(ClientHelloFault) {
        var message = ByteCursor(0..<bytes.count)
        guard message.number(1, in: bytes) == 1 else { throw .unexpectedMessage }
        guard let body = message.vector(3, in: bytes) else { throw .malformed }
        guard message.isAtEnd else { throw .trailingBytes }
        try read(body, bytes, suites)
        if version < 0x0303 { throw .oldVersion }
        if !hasCommonSuite { throw .noCommonSuite }
    }

    private mutating func read(
        _ body: Range<Int>, _ bytes: borrowing Span<UInt8>, _ suites: [UInt16]
    ) throws(ClientHelloFault) {
        var cursor = ByteCursor(body)
        guard let number = cursor.number(2, in: bytes), cursor.skip(32) != nil,
            let session = cursor.vector(1, in: bytes), session.count <= 32,
            let suiteList = cursor.vector(2, in: bytes), suiteList.count >= 2,
            let compressions = cursor.vector(1, in: bytes), compressions.count >= 1
        else { throw .malformed }
        version = UInt16(number)
        try readSuites(suiteList, bytes, suites)
        if !compressions.contains(where: { bytes[$0] == 0 }) { throw .noPlainCompression }
        if cursor.isAtEnd { return }
        guard let extensions = cursor.vector(2, in: bytes), cursor.isAtEnd else {
            throw .malformed
        }
        try readExtensions(extensions, bytes)
    }

    private mutating func readSuites(
        _ range: Range<Int>, _ bytes: borrowing Span<UInt8>, _ known: [UInt16]
    ) throws(ClientHelloFault) {
        var cursor = ByteCursor(range)
        while !cursor.isAtEnd {
            guard let suite = cursor.number(2, in: bytes) else { throw .malformed }
            for candidate in known where Int(candidate) == suite { hasCommonSuite = true }
        }
    }

    private mutating func readExtensions(
        _ range: Range<Int>, _ bytes: borrowing Span<UInt8>
    ) throws(ClientHelloFault) {
        var cursor = ByteCursor(range)
        var seen = InlineArray<64, UInt16>(repeating: 0)
        var count = 0
        while !cursor.isAtEnd {
            guard let kind = cursor.number(2, in: bytes), let body = cursor.vector(2, in: bytes)
            else { throw .malformed }
            for index in 0..<count where seen[index] == UInt16(kind) { throw .repeatedExtension }
            if count == ClientHelloLimits.extensionCountMax { throw .tooManyExtensions }
            seen[count] = UInt16(kind)
            count += 1
            try readExtension(kind, body, bytes)
        }
    }

    private mutating func readExtension(
        _ kind: Int, _ body: Range<Int>, _ bytes: borrowing Span<UInt8>
    ) throws(ClientHelloFault) {
        switch kind {
        case 0: serverName = try ClientHello.serverName(body, bytes)
        case 1: if body.count != 1 { throw .malformed }
        case 10, 13:  // supported_groups, signature_algorithms: RFC 8422; RFC 5246, 7.4.1.4.1
            try ClientHello.checkList(body, bytes, lengthByteCount: 2, unit: 2)
        case 11:  // ec_point_formats: RFC 8422, section 5.1.2
            try ClientHello.checkList(body, bytes, lengthByteCount: 1, unit: 1)
        case 16: protocols = try ClientHello.protocols(body, bytes)
        case 23: if body.count != 0 { throw .malformed }
        case 0xff01:
            guard body.count == 1, bytes[body.lowerBound] == 0 else { throw .badRenegotiationInfo }
        default: break
        }
    }

    /// A list of numbers that is not empty and fills the extension.
    private static func checkList(
        _ body: Range<Int>, _ bytes: borrowing Span<UInt8>, lengthByteCount: Int, unit: Int
    ) throws(ClientHelloFault) {
        var cursor = ByteCursor(body)
        guard let list = cursor.vector(lengthByteCount, in: bytes), cursor.isAtEnd,
            list.count >= unit, list.count % unit == 0
        else { throw .malformed }
    }

    /// server_name: RFC 6066, section 3.
    private static func serverName(
        _ body: Range<Int>, _ bytes: borrowing Span<UInt8>
    ) throws(ClientHelloFault) -> Range<Int> {
        var cursor = ByteCursor(body)
        guard let list = cursor.vector(2, in: bytes), cursor.isAtEnd, list.count > 0 else {
            throw .malformed
        }
        var result = 0..<0
        var names = ByteCursor(list)
        while !names.isAtEnd {
            guard let kind = names.number(1, in: bytes), let name = names.vector(2, in: bytes)
            else { throw .malformed }
            if kind != 0 { continue }
            guard result.isEmpty, name.count > 0, name.count <= 255,
                name.allSatisfy({ ServerName.isNameByte(bytes[$0]) })
            else { throw .badServerName }
            result = name
        }
        return result
    }

    /// application_layer_protocol_negotiation: RFC 7301, section 3.1.
    private static func protocols(
        _ body: Range<Int>, _ bytes: borrowing Span<UInt8>
    ) throws(ClientHelloFault) -> Range<Int> {
        var cursor = ByteCursor(body)
        guard let list = cursor.vector(2, in: bytes), cursor.isAtEnd, list.count > 0 else {
            throw .malformed
        }
        var names = ByteCursor(list)
        while !names.isAtEnd {
            guard let name = names.vector(1, in: bytes), name.count > 0 else { throw .malformed }
        }
        return list
    }

    /// Whether the client's list of protocols has that one.
    func offers(_ name: [UInt8], in bytes: borrowing Span<UInt8>) -> Bool {
        var cursor = ByteCursor(protocols)
        while let offered = cursor.vector(1, in: bytes) {
            if offered.count == name.count,
                name.indices.allSatisfy({ name[$0] == bytes[offered.lowerBound + $0] })
            {
                return true
            }
            if cursor.isAtEnd { break }
        }
        return false
    }
}
