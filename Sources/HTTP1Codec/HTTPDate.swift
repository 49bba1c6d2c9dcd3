// SPDX-License-Identifier: MIT

/// A point in time as HTTP writes it: whole seconds, UTC (RFC 9110, section 5.6.7).
public struct HTTPDate: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Seconds since 1970-01-01 00:00:00 UTC, without leap seconds.
    public let secondsSince1970: Int64

    /// A date of the years 1 to 9999; nil outside of them, where four digits do not write it.
    public init?(secondsSince1970: Int64) {
        guard secondsSince1970 >= Self.first, secondsSince1970 <= Self.last else { return nil }
        self.secondsSince1970 = secondsSince1970
    }

    private static var first: Int64 { -62_135_596_800 }
    private static var last: Int64 { 253_402_300_799 }

    /// How many bytes a date has in the form that is sent.
    public static var byteCount: Int { 29 }

    /// Whether it is earlier.
    public static func < (first: HTTPDate, second: HTTPDate) -> Bool {
        first.secondsSince1970 < second.secondsSince1970
    }

    /// Writes "Sun, 06 Nov 1994 08:49:37 GMT", 29 bytes; false if the memory is too small.
    public func write(into memory: UnsafeMutableRawBufferPointer) -> Bool {
        var output = unsafe ByteWriter(memory)  // SAFETY: the caller's, for the call.
        write(to: &output)
        return output.fault == nil
    }

    func write(to output: inout ByteWriter) {
        let days = Int(Self.floorDivide(secondsSince1970, by: 86400))
        let second = Int(secondsSince1970 &- Int64(days) &* 86400)
        let date = CivilDate(daysSince1970: days)
        output.append(Self.dayNames, Self.weekday(days) &* 3, 3)
        output.append(", ")
        output.append(twoDigits: date.day)
        output.append(Ascii.space)
        output.append(Self.monthNames, (date.month &- 1) &* 3, 3)
        output.append(Ascii.space)
        output.append(twoDigits: date.year / 100)
        output.append(twoDigits: date.year % 100)
        output.append(Ascii.space)
        output.append(twoDigits: second / 3600)
        output.append(Ascii.colon)
        output.append(twoDigits: second / 60 % 60)
        output.append(Ascii.colon)
        output.append(twoDigits: second % 60)
        output.append(" GMT")
    }

    static var dayNames: StaticString { "SunMonTueWedThuFriSat" }
    static var monthNames: StaticString { "JanFebMarAprMayJunJulAugSepOctNovDec" }

    /// The day of the week, Sunday being 0: the first day of 1970 was a Thursday.
    private static func weekday(_ daysSince1970: Int) -> Int {
        let rest = (daysSince1970 &+ 4) % 7
        return rest < 0 ? rest &+ 7 : rest
    }

    private static func floorDivide(_ number: Int64, by divisor: Int64) -> Int64 {
        let quotient = number / divisor
        return number % divisor < 0 ? quotient &- 1 : quotient
    }
}

extension ByteWriter {
    /// A number below 100 with two digits.
    fileprivate mutating func append(twoDigits number: Int) {
        append(UInt8(truncatingIfNeeded: number / 10) &+ 0x30)
        append(UInt8(truncatingIfNeeded: number % 10) &+ 0x30)
    }

    /// A part of a literal.
    fileprivate mutating func append(_ literal: StaticString, _ start: Int, _ byteCount: Int) {
        let bytes = Bytes(literal: literal)
        for index in start..<(start &+ byteCount) { append(bytes[index]) }
    }
}
