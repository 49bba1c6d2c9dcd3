// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import HTTP1Codec

/// The line "Date: …" of all answers of a loop, made anew when a second has passed (RFC 9110,
/// section 6.6.1).
struct DateLine {
    /// Empty if the clock tells no date of four digits a year. Else written in place.
    private(set) var bytes: [UInt8] = []
    private(set) var secondsSince1970: Int64 = 0
    private var validUntil = MonotonicInstant(nanoseconds: 0)

    /// How long a line is used before the clock is looked at.
    private static var periodNanoseconds: UInt64 { 50_000_000 }

    @inline(__always)
    mutating func refresh(at now: MonotonicInstant) {
        if now >= validUntil { renew(now) }
    }

    @inline(never)
    private mutating func renew(_ now: MonotonicInstant) {
        validUntil = now.advanced(byNanoseconds: Self.periodNanoseconds)
        let seconds = millrace_clock_realtime_seconds()
        guard seconds != secondsSince1970 else { return }
        secondsSince1970 = seconds
        guard let date = HTTPDate(secondsSince1970: seconds) else {
            bytes = []
            return
        }
        if bytes.isEmpty { bytes = Self.blank }
        // SAFETY: lent for the call.
        unsafe bytes.withUnsafeMutableBytes { memory in
            // SAFETY: a slice of the array, for the call.
            _ = unsafe date.write(into: UnsafeMutableRawBufferPointer(rebasing: memory[6...]))
        }
    }

    private static var blank: [UInt8] {
        Array("Date: ".utf8) + Array(repeating: 0x20, count: HTTPDate.byteCount) + [0x0D, 0x0A]
    }
}
