// SPDX-License-Identifier: MIT

/// A scalar of 32 bytes, from BearSSL's of any count; the count is no secret.
struct CurveScalar {
    private(set) var bytes = InlineArray<32, UInt8>(repeating: 0)

    /// P-256: with zeroes before it, or without some that it has.
    init(highestFirst scalar: borrowing Span<UInt8>) {
        let skipped = max(0, scalar.count - 32)
        let count = scalar.count - skipped
        for index in 0..<count { bytes[32 - count + index] = scalar[skipped + index] }
    }

    /// X25519: with zeroes behind it; nil if it is longer.
    init?(lowestFirst scalar: borrowing Span<UInt8>) {
        if scalar.count > 32 { return nil }
        for index in 0..<scalar.count { bytes[index] = scalar[index] }
    }
}
