// SPDX-License-Identifier: MIT

/// A moment in the Gregorian calendar, UTC, without leap seconds.
///
/// The days are counted in eras of 400 years that begin in March, so that the leap day is a year's
/// last (H. Hinnant, "chrono-compatible low-level date algorithms", 2013).
struct CalendarDate: Equatable {
    var year: UInt64
    var month: UInt64
    var day: UInt64
    var hour: UInt64
    var minute: UInt64
    var second: UInt64

    /// The last second of the year 9999.
    static let secondsMax: Int64 = 253_402_300_799

    /// The moment so many seconds after 1970 began; before it or after the year 9999 the nearest.
    init(secondsSince1970 seconds: Int64) {
        let clamped = UInt64(min(max(seconds, 0), Self.secondsMax))
        let days = clamped / 86_400 + 719_468
        let rest = clamped % 86_400
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        hour = rest / 3600
        minute = rest / 60 % 60
        second = rest % 60
    }

    /// "Jan" to "Dec".
    var monthName: StaticString {
        switch month {
        case 1: "Jan"
        case 2: "Feb"
        case 3: "Mar"
        case 4: "Apr"
        case 5: "May"
        case 6: "Jun"
        case 7: "Jul"
        case 8: "Aug"
        case 9: "Sep"
        case 10: "Oct"
        case 11: "Nov"
        default: "Dec"
        }
    }
}
