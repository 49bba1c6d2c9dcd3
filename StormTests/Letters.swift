// SPDX-License-Identifier: MIT

internal import Glibc

/// The letters that messages and bodies are filled with: a pattern whose beginning a number
/// decides.
enum Letters {
    /// How many letters there may be at most.
    static let countMax = 640 << 10

    private static let period = 26
    private static let pattern = (0..<countMax + period).map { UInt8(97 + ($0 &* 7) % period) }

    /// So many letters for a number.
    static func of(_ number: Int, count: Int) -> ArraySlice<UInt8> {
        precondition(count <= countMax, "more letters than there are")
        let start = number % period
        return pattern[start..<start + count]
    }

    /// Whether both have the same bytes; memcmp(3), because storms compare all that they send.
    static func areEqual(_ left: [UInt8], _ right: ArraySlice<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        // SAFETY: both are lent for the call.
        return unsafe left.withUnsafeBytes { left in
            unsafe right.withUnsafeBytes { right in  // SAFETY: as above.
                guard let left = left.baseAddress, let other = right.baseAddress else {
                    return true
                }
                // SAFETY: both are as long as `right`.
                return unsafe memcmp(left, other, right.count) == 0
            }
        }
    }
}
