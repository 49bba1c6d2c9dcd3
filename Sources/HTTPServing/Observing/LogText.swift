// SPDX-License-Identifier: MIT

/// What clients sent, made safe to stand in a log: nothing of it ends a line, leaves its quotes or
/// steers a terminal.
public enum LogText {
    /// The most bytes of one value; what is beyond is left out and "..." put there.
    public static let byteCountMax = 1024

    /// Appends a value: a quote and a backslash with a backslash before them, control bytes and
    /// what is not ASCII as `\xHH`, and "-" for nothing.
    public static func append(_ value: Span<UInt8>?, to output: inout [UInt8]) {
        guard let value, !value.isEmpty else {
            output.append(0x2D)
            return
        }
        for index in 0..<min(value.count, byteCountMax) {
            let byte = value[index]
            switch byte {
            case 0x22, 0x5C: output += [0x5C, byte]
            case 0x20...0x7E: output.append(byte)
            default:
                output += [
                    0x5C, 0x78, PercentCoding.upperDigit(byte >> 4),
                    PercentCoding.upperDigit(byte & 15),
                ]
            }
        }
        if value.count > byteCountMax { output += [0x2E, 0x2E, 0x2E] }
    }

    /// The same as text.
    public static func text(_ value: Span<UInt8>?) -> String {
        var result: [UInt8] = []
        append(value, to: &result)
        return String(decoding: result, as: UTF8.self)
    }
}
