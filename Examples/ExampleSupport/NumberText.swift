// SPDX-License-Identifier: MIT

/// Numbers for people to read.
public enum NumberText {
    /// "12,345"
    public static func grouped(_ number: some BinaryInteger) -> String {
        let digits = String(number.magnitude)
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    /// "1 line", "12,345 lines"
    public static func count(_ number: some BinaryInteger, _ one: String, _ many: String) -> String
    {
        "\(grouped(number)) \(number == 1 ? one : many)"
    }

    /// "999 B", "1.5 KiB", "12.0 MiB"
    public static func byteCount(_ count: some BinaryInteger) -> String {
        let units = ["KiB", "MiB", "GiB", "TiB"]
        let bytes = UInt64(clamping: count)
        guard bytes >= 1024 else { return "\(bytes) B" }
        var scale: UInt64 = 1024
        var index = 0
        while index + 1 < units.count && bytes / scale >= 1024 {  // One turn for each unit.
            scale *= 1024
            index += 1
        }
        let (whole, rest) = bytes.quotientAndRemainder(dividingBy: scale)
        return "\(grouped(whole)).\(rest / (scale / 16) * 10 / 16) \(units[index])"
    }

    /// "0.25 s", "61.20 s"; in milliseconds below a tenth of a second: "12.3 ms".
    public static func duration(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        if seconds == 0 && attoseconds < 100_000_000_000_000_000 {
            let tenths = attoseconds / 100_000_000_000_000
            return "\(tenths / 10).\(tenths % 10) ms"
        }
        let hundredths = attoseconds / 10_000_000_000_000_000
        return "\(grouped(seconds)).\(hundredths / 10)\(hundredths % 10) s"
    }
}
