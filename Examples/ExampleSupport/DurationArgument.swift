// SPDX-License-Identifier: MIT

/// A length of time as people write it: `500ms`, `1.5s`, `2m`.
public struct DurationArgument: Hashable, Sendable {
    /// The length.
    public let duration: Duration

    /// A value for a default.
    public init(_ duration: Duration) {
        self.duration = duration
    }

    /// Reads the written form: digits, perhaps a point and at most nine more, and a unit.
    public init(parsing text: String) throws(ArgumentError) {
        let bytes = Array(text.utf8)
        guard let (number, unit) = Self.splitUnit(bytes) else {
            throw ArgumentError("'\(text)' has no unit: write 500ms, 1.5s or 2m")
        }
        guard let nanoseconds = Self.nanoseconds(of: number, unit: unit) else {
            throw ArgumentError("'\(text)' is no length of time: write 500ms, 1.5s or 2m")
        }
        duration = .nanoseconds(nanoseconds)
    }

    /// The longest time that is taken: a year.
    static let nanosecondsMax: Int64 = 366 * 24 * 3600 * 1_000_000_000

    /// The number's bytes and the unit in nanoseconds.
    private static func splitUnit(_ bytes: [UInt8]) -> (ArraySlice<UInt8>, Int64)? {
        let units: [(String, Int64)] = [("ms", 1_000_000), ("s", 1_000_000_000)]
        for (name, nanoseconds) in units
        where bytes.suffix(name.utf8.count).elementsEqual(name.utf8) {
            return (bytes.dropLast(name.utf8.count), nanoseconds)
        }
        return bytes.last == UInt8(ascii: "m") ? (bytes.dropLast(), 60_000_000_000) : nil
    }

    /// The number times the unit, rounded down; nil if it is no number or too large.
    private static func nanoseconds(of number: ArraySlice<UInt8>, unit: Int64) -> Int64? {
        let parts = number.split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let whole = digits(first, countMax: 18) else { return nil }
        var (sum, isTooLarge) = whole.multipliedReportingOverflow(by: unit)
        guard !isTooLarge, sum <= nanosecondsMax else { return nil }
        if parts.count == 2 {
            guard let fraction = digits(parts[1], countMax: 9) else { return nil }
            var divisor: Int64 = 1
            for _ in parts[1] { divisor *= 10 }
            // At most 10⁹ · 6 · 10¹⁰: needs 128 bits on the way.
            sum += Int64(Int128(fraction) * Int128(unit) / Int128(divisor))
        }
        return sum
    }

    private static func digits(_ bytes: ArraySlice<UInt8>, countMax: Int) -> Int64? {
        guard !bytes.isEmpty, bytes.count <= countMax else { return nil }
        var value: Int64 = 0
        for byte in bytes {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return value
    }
}

extension DurationArgument: CustomStringConvertible {
    /// The shortest written form that reads back as the same length: "500ms", "1.5s", "2m".
    public var description: String {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = attoseconds / 1_000_000_000
        if nanoseconds == 0, seconds != 0, seconds % 60 == 0 { return "\(seconds / 60)m" }
        if nanoseconds == 0 { return "\(seconds)s" }
        let isBelowSecond = seconds == 0
        let unit: Int64 = isBelowSecond ? 1_000_000 : 1_000_000_000
        let whole = isBelowSecond ? nanoseconds / unit : seconds
        var fraction = String(nanoseconds % unit + unit).dropFirst()
        while fraction.last == "0" { fraction = fraction.dropLast() }  // One turn for each zero.
        let point = fraction.isEmpty ? "" : ".\(fraction)"
        return "\(whole)\(point)\(isBelowSecond ? "ms" : "s")"
    }
}

/// A length of time, or `none` for no limit.
public struct OptionalDurationArgument: Hashable, Sendable {
    /// The length; nil if there is no limit.
    public let duration: Duration?

    /// A value for a default.
    public init(_ duration: Duration?) {
        self.duration = duration
    }

    /// Reads `none`, or what `DurationArgument` reads.
    public init(parsing text: String) throws(ArgumentError) {
        duration = text == "none" ? nil : try DurationArgument(parsing: text).duration
    }
}

extension OptionalDurationArgument: CustomStringConvertible {
    /// The written form.
    public var description: String {
        duration.map { DurationArgument($0).description } ?? "none"
    }
}
