// SPDX-License-Identifier: MIT

/// A day of the Gregorian calendar, also for the years before there was one.
///
/// Years are counted from March here, so that the day that comes and goes is their last, and 400
/// years are a whole number of days.
struct CivilDate: Equatable {
    var year: Int
    /// 1 to 12.
    var month: Int
    /// 1 to 31.
    var day: Int

    /// Days from the first of March of the year 0 to the first of January 1970.
    private static var epoch: Int { 719_468 }
    private static var daysOf400Years: Int { 146_097 }

    init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day that is so many days after 1970-01-01; not before the year 0.
    init(daysSince1970: Int) {
        let days = daysSince1970 + Self.epoch
        let cycle = days / Self.daysOf400Years
        let dayOfCycle = days % Self.daysOf400Years
        // Taking out the days that were added every 4, 100 and 400 years leaves years of 365.
        let leapDays = dayOfCycle / 1460 - dayOfCycle / 36524 + dayOfCycle / 146_096
        let yearOfCycle = (dayOfCycle - leapDays) / 365
        let dayOfYear = dayOfCycle - Self.daysBefore(yearOfCycle)
        // From March on, months have 31, 30, 31, 30, 31 days, over and over: 153 in five.
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = cycle * 400 + yearOfCycle + (month <= 2 ? 1 : 0)
    }

    /// How many days it is after 1970-01-01.
    var daysSince1970: Int {
        let yearFromMarch = month <= 2 ? year - 1 : year
        let monthFromMarch = month <= 2 ? month + 9 : month - 3
        let cycle = yearFromMarch / 400
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let days = cycle * Self.daysOf400Years + Self.daysBefore(yearFromMarch % 400) + dayOfYear
        return days - Self.epoch
    }

    /// Whether the month has such a day.
    var isValid: Bool {
        guard year >= 1, year <= 9999, month >= 1, month <= 12, day >= 1 else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        switch month {
        case 2: return day <= (isLeap ? 29 : 28)
        case 4, 6, 9, 11: return day <= 30
        default: return day <= 31
        }
    }

    /// Days in the first years of a cycle of 400, from March.
    private static func daysBefore(_ yearOfCycle: Int) -> Int {
        365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100
    }
}
