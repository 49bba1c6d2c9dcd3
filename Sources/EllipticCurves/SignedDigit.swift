// SPDX-License-Identifier: MIT

/// A digit of a number in radix 2^w, from −2^(w−1) to 2^(w−1).
///
/// The digits of a number, each times its weight, add up to the number. A digit is read off w + 1
/// bits, the uppermost of the place below among them, and needs no carry from there.
///
/// Source: A. D. Booth, "A Signed Binary Multiplication Technique", 1951; with larger digits
/// O. L. MacSorley, "High-Speed Arithmetic in Binary Computers", 1961.
struct SignedDigit {
    /// How large it is.
    let magnitude: UInt64
    /// All ones if it is below zero.
    let sign: UInt64
    /// Zero, which the optimiser does not know.
    private let zero: UInt64

    /// The digit at a place, from 0; place and width are no secrets.
    @inline(__always)
    init(_ number: Words256, place: Int, width: Int) {
        let bits =
            place == 0
            ? number.bits(from: 0, count: width) &<< 1
            : number.bits(from: place &* width &- 1, count: width &+ 1)
        zero = Mask.opaque(0)
        sign = 0 &- Mask.opaque(bits &>> UInt64(width))
        // From 2^w on, the digit is the complement's, negative.
        let ones = (1 &<< UInt64(width &+ 1)) &- 1 as UInt64
        let positive = bits ^ (sign & ones)
        magnitude = (positive &>> 1) &+ (positive & 1)
    }

    /// All ones if it is that large.
    @inline(__always)
    func mask(for magnitude: UInt64) -> UInt64 {
        Mask.isZero(self.magnitude ^ magnitude) ^ zero
    }
}
