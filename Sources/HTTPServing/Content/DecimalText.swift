// SPDX-License-Identifier: MIT

/// Numbers as decimal digits, without a String on the way.
enum DecimalText {
    /// Appends the digits of a number.
    static func append(_ value: UInt64, to output: inout [UInt8]) {
        append(value, digitCountMin: 1, to: &output)
    }

    /// Appends the digits of a number, with zeros in front to make at least so many.
    static func append(_ value: UInt64, digitCountMin: Int, to output: inout [UInt8]) {
        var rest = value
        let start = output.count
        while rest > 0 || output.count - start < digitCountMin {  // Ends: at most 20 digits.
            output.append(0x30 + UInt8(rest % 10))
            rest /= 10
        }
        output[start...].reverse()
    }

    /// Appends the digits of a number, "-" before a negative one.
    static func append(_ value: Int64, to output: inout [UInt8]) {
        if value < 0 { output.append(0x2D) }
        append(value.magnitude, to: &output)
    }

    /// How many digits a number has.
    static func digitCount(_ value: UInt64) -> Int {
        var rest = value / 10
        var count = 1
        while rest > 0 {  // Ends: at most 20 digits.
            rest /= 10
            count += 1
        }
        return count
    }
}
