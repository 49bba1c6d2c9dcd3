// SPDX-License-Identifier: MIT

extension HTTPDate {
    /// The date that these bytes are, in one of the three forms of RFC 9110, section 5.6.7; nil if
    /// they are none:
    ///
    ///     Sun, 06 Nov 1994 08:49:37 GMT      IMF-fixdate
    ///     Sunday, 06-Nov-94 08:49:37 GMT     RFC 850
    ///     Sun Nov  6 08:49:37 1994           asctime
    ///
    /// Case and blanks matter, the day must exist, but need not be the weekday that is named. The
    /// sixtieth second is taken for the next one's first. `now` decides the century of a year of
    /// two digits: more than 50 years ahead of it is in the past.
    public init?(parsing bytes: UnsafeRawBufferPointer, now: HTTPDate) {
        // SAFETY: lent for the call.
        guard let bytes = unsafe Bytes(bytes), bytes.count >= 24 else { return nil }
        var reader = DateReader(bytes: bytes)
        switch bytes[3] {
        case Ascii.comma: self.init(fixed: &reader)
        case Ascii.space: self.init(asctime: &reader)
        default: self.init(rfc850: &reader, now: now)
        }
    }

    /// The same for a span.
    public init?(parsing bytes: Span<UInt8>, now: HTTPDate) {
        // SAFETY: lent for the call.
        let date = unsafe bytes.withUnsafeBytes { unsafe HTTPDate(parsing: $0, now: now) }
        guard let date else { return nil }
        self = date
    }

    private init?(fixed reader: inout DateReader) {
        guard reader.name(of: Self.dayNames) != nil, reader.skip(", "),
            let day = reader.number(digitCount: 2), reader.skip(" "),
            let month = reader.name(of: Self.monthNames), reader.skip(" "),
            let year = reader.number(digitCount: 4), reader.skip(" "),
            let second = reader.time(), reader.skip(" GMT"), reader.isAtEnd
        else { return nil }
        self.init(CivilDate(year: year, month: month + 1, day: day), second)
    }

    private init?(asctime reader: inout DateReader) {
        guard reader.name(of: Self.dayNames) != nil, reader.skip(" "),
            let month = reader.name(of: Self.monthNames), reader.skip(" ")
        else { return nil }
        let isOneDigit = reader.skip(" ")
        guard let day = reader.number(digitCount: isOneDigit ? 1 : 2), reader.skip(" "),
            let second = reader.time(), reader.skip(" "),
            let year = reader.number(digitCount: 4), reader.isAtEnd
        else { return nil }
        self.init(CivilDate(year: year, month: month + 1, day: day), second)
    }

    private init?(rfc850 reader: inout DateReader, now: HTTPDate) {
        guard reader.skipLongDayName(), reader.skip(", "),
            let day = reader.number(digitCount: 2), reader.skip("-"),
            let month = reader.name(of: Self.monthNames), reader.skip("-"),
            let twoDigits = reader.number(digitCount: 2), reader.skip(" "),
            let second = reader.time(), reader.skip(" GMT"), reader.isAtEnd
        else { return nil }
        let days = Int(now.secondsSince1970) / 86400
        let thisYear = CivilDate(daysSince1970: days).year
        var year = thisYear / 100 * 100 + twoDigits
        if year > thisYear + 50 { year -= 100 }
        if year <= thisYear - 50 { year += 100 }
        self.init(CivilDate(year: year, month: month + 1, day: day), second)
    }

    private init?(_ date: CivilDate, _ second: Int) {
        guard date.isValid else { return nil }
        self.init(secondsSince1970: Int64(date.daysSince1970 * 86400 + second))
    }
}

/// Reads the parts of a date one behind the other.
private struct DateReader {
    let bytes: Bytes
    var position = 0

    init(bytes: Bytes) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    /// Passes a literal over, if it is there.
    mutating func skip(_ literal: StaticString) -> Bool {
        let end = position + literal.utf8CodeUnitCount
        guard end <= bytes.count, bytes.holds(literal, in: ByteRange(position, end)) else {
            return false
        }
        position = end
        return true
    }

    /// The index of a name of three letters.
    mutating func name(of names: StaticString) -> Int? {
        guard position + 3 <= bytes.count else { return nil }
        let all = Bytes(literal: names)
        for index in stride(from: 0, to: all.count, by: 3) {
            let isEqual = (0..<3).allSatisfy { bytes[position + $0] == all[index + $0] }
            if isEqual {
                position += 3
                return index / 3
            }
        }
        return nil
    }

    mutating func skipLongDayName() -> Bool {
        skip("Sunday") || skip("Monday") || skip("Tuesday") || skip("Wednesday")
            || skip("Thursday") || skip("Friday") || skip("Saturday")
    }

    /// A number of exactly so many digits.
    mutating func number(digitCount: Int) -> Int? {
        guard position + digitCount <= bytes.count else { return nil }
        var number = 0
        for index in position..<(position + digitCount) {
            guard Ascii.isDigit(bytes[index]) else { return nil }
            number = number * 10 + Int(bytes[index] - 0x30)
        }
        position += digitCount
        return number
    }

    /// "08:49:37" as a second of the day.
    mutating func time() -> Int? {
        guard let hour = number(digitCount: 2), hour < 24, skip(":"),
            let minute = number(digitCount: 2), minute < 60, skip(":"),
            let second = number(digitCount: 2), second <= 60
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }
}
