// SPDX-License-Identifier: MIT

/// What a parameter of a pattern accepts as its segment.
public enum ParameterKind: String, CaseIterable, Sendable {
    /// 36 bytes, hexadecimal with four hyphens, in either case: RFC 9562, 4.
    case uuid
    /// A decimal number from 0 to `UInt64.max`, without a sign, without leading zeros.
    case uint
    /// A decimal number of the range of `Int64`, with "-" for a negative one, without leading
    /// zeros, so that each number has one spelling.
    case int
    /// Any segment of at least one byte.
    case string

    /// Before which kinds this one is tried: a uint before an int, each of them before a string.
    var precedence: Int {
        switch self {
        case .uuid: 0
        case .uint: 1
        case .int: 2
        case .string: 3
        }
    }
}

extension ParameterKind {
    /// Whether a decoded segment is of this kind.
    func accepts(_ segment: Span<UInt8>) -> Bool {
        switch self {
        case .uuid: Self.uuid(segment) != nil
        case .uint: Self.unsigned(segment) != nil
        case .int: Self.signed(segment) != nil
        case .string: !segment.isEmpty
        }
    }

    /// The number that the bytes spell.
    static func unsigned(_ bytes: Span<UInt8>) -> UInt64? {
        guard !bytes.isEmpty, bytes.count <= 20 else { return nil }
        if bytes[0] == 0x30, bytes.count > 1 { return nil }
        var value: UInt64 = 0
        for index in bytes.indices {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, isPastEnd) = product.addingReportingOverflow(UInt64(digit))
            if isTooLarge || isPastEnd { return nil }
            value = sum
        }
        return value
    }

    /// The number that the bytes spell.
    static func signed(_ bytes: Span<UInt8>) -> Int64? {
        guard !bytes.isEmpty, bytes[0] == 0x2D else {
            return unsigned(bytes).flatMap { Int64(exactly: $0) }
        }
        guard let size = unsigned(bytes.extracting(droppingFirst: 1)), size > 0 else { return nil }
        if size == UInt64(Int64.max) + 1 { return .min }
        return Int64(exactly: size).map { -$0 }
    }

    /// The 128 bits of a UUID, the first 64 first.
    static func uuid(_ bytes: Span<UInt8>) -> (UInt64, UInt64)? {
        guard bytes.count == 36 else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for index in bytes.indices {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard bytes[index] == 0x2D else { return nil }
                continue
            }
            let digit = PercentCoding.digit(bytes[index])
            guard digit < 16 else { return nil }
            high = high &<< 4 | low &>> 60
            low = low &<< 4 | UInt64(digit)
        }
        return (high, low)
    }
}
