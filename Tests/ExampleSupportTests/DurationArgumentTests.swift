// SPDX-License-Identifier: MIT

import ExampleSupport
import Testing

@Suite("Lengths of time as arguments")
struct DurationArgumentTests {
    @Test(
        "Written lengths are read exactly",
        arguments: [
            ("500ms", Duration.milliseconds(500)), ("5s", .seconds(5)), ("2m", .seconds(120)),
            ("0s", .zero), ("1.5s", .milliseconds(1500)), ("0.5ms", .microseconds(500)),
            ("0.000000001s", .nanoseconds(1)), ("0.25m", .seconds(15)), ("05s", .seconds(5)),
        ])
    func reading(_ text: String, _ duration: Duration) throws {
        // If this failed, a limit would be another one than was asked for.
        #expect(try DurationArgument(parsing: text).duration == duration)
    }

    @Test(
        "What is no length is refused and explained",
        arguments: [
            "", "5", "s", "ms", "m", "-5s", "+5s", "5 s", " 5s", "5S", "1e3s", "1.s", ".5s",
            "1.2.3s",
            "5h", "none", "0x5s", "5sms", "1.0000000001s", "9999999999999999999s",
            "9223372036854775s",
            "99999999999999999m", "٥s", "inf", "nans",
        ])
    func refusing(_ text: String) {
        // If this failed, a typing error would become some limit, or a trap.
        let error = #expect(throws: ArgumentError.self) { try DurationArgument(parsing: text) }
        #expect(error?.description.contains("write 500ms, 1.5s or 2m") == true)
    }

    @Test("What is written reads back as the same")
    func writing() throws {
        // If this failed, the help would name other defaults than those in force.
        for text in ["500ms", "5s", "2m", "0s", "1.5s", "0.5ms", "90s", "1.000000001s", "60.001s"] {
            let read = try DurationArgument(parsing: text)
            #expect(read.description == text)
            #expect(try DurationArgument(parsing: read.description) == read)
        }
    }

    @Test("Only where it is allowed does 'none' mean no limit")
    func none() throws {
        // If this failed, a limit could not be switched off, or something else would switch it off.
        #expect(try OptionalDurationArgument(parsing: "none").duration == nil)
        #expect(try OptionalDurationArgument(parsing: "2s").duration == .seconds(2))
        #expect(OptionalDurationArgument(nil).description == "none")
        #expect(throws: ArgumentError.self) { try OptionalDurationArgument(parsing: "None") }
        #expect(throws: ArgumentError.self) { try OptionalDurationArgument(parsing: "") }
    }
}
