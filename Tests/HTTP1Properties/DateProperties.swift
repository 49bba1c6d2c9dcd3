// SPDX-License-Identifier: MIT

import HTTP1Codec

/// What must hold of dates.
enum DateProperties {
    static func violation(of bytes: [UInt8]) -> String? {
        guard let now = HTTPDate(secondsSince1970: 1_800_000_000) else { return "now is no date" }
        // SAFETY: alive for the call.
        let found = unsafe withExactCopy(of: bytes[...]) { unsafe HTTPDate(parsing: $0, now: now) }
        guard let date = found else { return nil }
        var text = [UInt8](repeating: 0, count: HTTPDate.byteCount)
        // SAFETY: lent for the call.
        let isWritten = unsafe text.withUnsafeMutableBytes { unsafe date.write(into: $0) }
        if !isWritten { return "a date needs more than 29 bytes" }
        if HTTPDate(parsing: text.span, now: now) != date { return "written, it is another date" }
        let isFixed = bytes.count == 29 && bytes[3] == 44 && bytes[23] != 54
        if isFixed, Array(bytes[4...]) != Array(text[4...]) { return "read otherwise than written" }
        return nil
    }
}
