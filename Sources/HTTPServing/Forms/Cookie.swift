// SPDX-License-Identifier: MIT

/// One cookie that a client sent, as places in the header's bytes.
public struct Cookie: Equatable, Sendable {
    /// Where the name lies.
    public let name: Range<Int>
    /// Where the value lies, without the quotes around it if there are any.
    public let value: Range<Int>

    /// Whether the name is this one; names are case-sensitive.
    public func isNamed(_ name: Span<UInt8>, in bytes: Span<UInt8>) -> Bool {
        guard name.count == self.name.count else { return false }
        return RouteTable.equal(name, 0, bytes, self.name.lowerBound, name.count)
    }

    /// The value as text; bytes that are not UTF-8 become U+FFFD.
    public func valueText(in bytes: Span<UInt8>) -> String {
        var result: [UInt8] = []
        for index in value { result.append(bytes[index]) }
        return String(decoding: result, as: UTF8.self)
    }
}
