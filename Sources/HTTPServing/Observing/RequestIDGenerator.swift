// SPDX-License-Identifier: MIT

/// Makes names of requests: 32 hexadecimal digits that no other generator makes, except by a chance
/// of about 2^-64 for each pair.
///
/// They are a random start and a counter, mixed (SplitMix64: G. Steele, D. Lea, C. Flood, 2014): no
/// secret, as whoever sees some can tell others. One generator a loop; no allocation if the output
/// has room.
public struct RequestIDGenerator: Sendable {
    /// How many bytes a name has.
    public static let byteCount = 32

    private let salt: UInt64
    private var state: UInt64

    /// A generator with a random start.
    public init() {
        var system = SystemRandomNumberGenerator()
        self.init(salt: system.next(), state: system.next())
    }

    init(salt: UInt64, state: UInt64) {
        self.salt = salt
        self.state = state
    }

    /// Appends the next name.
    public mutating func append(to output: inout [UInt8]) {
        state &+= 0x9E37_79B9_7F4A_7C15
        // The second half alone differs for each of 2^64 names of one generator.
        Self.append(Self.mix(state ^ salt), to: &output)
        Self.append(Self.mix(state &+ salt), to: &output)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ mixed &>> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed &>> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed &>> 31
    }

    private static func append(_ value: UInt64, to output: inout [UInt8]) {
        for shift in stride(from: UInt64(60), through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: value &>> shift & 15)
            output.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }
}
