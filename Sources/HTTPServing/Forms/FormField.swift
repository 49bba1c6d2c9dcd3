// SPDX-License-Identifier: MIT

/// One name and its value, as places in the bytes of a query or form: nothing is decoded before it
/// is read. Each accessor takes the same bytes that were scanned.
public struct FormField: Equatable, Sendable {
    /// Where the name lies, as it was sent.
    public let name: Range<Int>
    /// Where the value lies, as it was sent; empty without "=".
    public let value: Range<Int>

    /// Whether the decoded name is this one.
    public func isNamed(_ name: Span<UInt8>, in bytes: Span<UInt8>) -> Bool {
        PercentCoding.equals(bytes, self.name, name, plusIsSpace: true)
    }

    /// Appends the decoded name.
    public func appendName(in bytes: Span<UInt8>, to output: inout [UInt8]) {
        PercentCoding.append(bytes, name, plusIsSpace: true, to: &output)
    }

    /// Appends the decoded value.
    public func appendValue(in bytes: Span<UInt8>, to output: inout [UInt8]) {
        PercentCoding.append(bytes, value, plusIsSpace: true, to: &output)
    }

    /// The decoded name; bytes that are not UTF-8 become U+FFFD.
    public func nameText(in bytes: Span<UInt8>) -> String {
        var result: [UInt8] = []
        appendName(in: bytes, to: &result)
        return String(decoding: result, as: UTF8.self)
    }

    /// The decoded value; bytes that are not UTF-8 become U+FFFD.
    public func valueText(in bytes: Span<UInt8>) -> String {
        var result: [UInt8] = []
        appendValue(in: bytes, to: &result)
        return String(decoding: result, as: UTF8.self)
    }
}
