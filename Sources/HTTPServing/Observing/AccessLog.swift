// SPDX-License-Identifier: MIT

/// Lines of an access log, as other servers write them.
///
/// | Format | Line |
/// |--------|------|
/// | common | `192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 2326` |
/// | combined | the same and `"referer" "user agent"` |
/// | timed | the same and the time in microseconds and the request's name |
///
/// Whatever a client sent goes through `LogText`. No allocation if the output has room.
public enum AccessLog {
    /// Which of the lines.
    public enum Format: Sendable {
        /// The common log format.
        case common
        /// The combined one.
        case combined
        /// The combined one with time and name.
        case timed
    }

    /// The numbers of one answer.
    public struct Figures: Sendable {
        /// When the request came, in seconds since 1970.
        public var secondsSince1970: Int64
        /// The status of the answer.
        public var status: UInt16
        /// The bytes of its body.
        public var byteCount: UInt64
        /// From the request's first byte to the answer's last.
        public var durationNanoseconds: UInt64

        /// These numbers.
        public init(
            secondsSince1970: Int64, status: UInt16, byteCount: UInt64,
            durationNanoseconds: UInt64
        ) {
            self.secondsSince1970 = secondsSince1970
            self.status = status
            self.byteCount = byteCount
            self.durationNanoseconds = durationNanoseconds
        }
    }

    /// Appends one line with its line end. `version` is "HTTP/1.1" or the like.
    public static func append(
        _ format: Format, _ figures: Figures, remote: Span<UInt8>?, method: Span<UInt8>,
        target: Span<UInt8>, version: StaticString, referer: Span<UInt8>? = nil,
        userAgent: Span<UInt8>? = nil, requestID: Span<UInt8>? = nil, to output: inout [UInt8]
    ) {
        LogText.append(remote, to: &output)
        output += " - - [".utf8
        appendDate(figures.secondsSince1970, to: &output)
        output += "] \"".utf8
        LogText.append(method, to: &output)
        output.append(0x20)
        LogText.append(target, to: &output)
        output.append(0x20)
        HeaderBytes.append(version, to: &output)
        output += [0x22, 0x20]
        DecimalText.append(UInt64(figures.status), digitCountMin: 3, to: &output)
        output.append(0x20)
        DecimalText.append(figures.byteCount, to: &output)
        if format != .common {
            appendQuoted(referer, to: &output)
            appendQuoted(userAgent, to: &output)
        }
        if format == .timed {
            output.append(0x20)
            DecimalText.append(figures.durationNanoseconds / 1000, to: &output)
            output.append(0x20)
            LogText.append(requestID, to: &output)
        }
        output.append(0x0A)
    }

    private static func appendQuoted(_ value: Span<UInt8>?, to output: inout [UInt8]) {
        output += [0x20, 0x22]
        LogText.append(value, to: &output)
        output.append(0x22)
    }

    /// "10/Oct/2026:13:55:36 +0000".
    static func appendDate(_ seconds: Int64, to output: inout [UInt8]) {
        let date = CalendarDate(secondsSince1970: seconds)
        DecimalText.append(date.day, digitCountMin: 2, to: &output)
        output.append(0x2F)
        HeaderBytes.append(date.monthName, to: &output)
        output.append(0x2F)
        DecimalText.append(date.year, digitCountMin: 4, to: &output)
        for part in [date.hour, date.minute, date.second] {
            output.append(0x3A)
            DecimalText.append(part, digitCountMin: 2, to: &output)
        }
        output += " +0000".utf8
    }
}
