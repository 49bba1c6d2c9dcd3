// SPDX-License-Identifier: MIT

/// A hash of the bytes of a key, for `DeliveryWindow`. Not cryptographic; a random seed keeps
/// keys that someone chose from meeting in one place.
///
/// Each eight bytes are folded in with a 64 × 64 → 128 bit multiplication whose halves are joined
/// (the "mum" step of V. Makarov's mum-hash, 2016).
@frozen
public enum KeyHash {
    /// Hashes a key of any length.
    @inlinable
    public static func hash(_ key: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        let byteCount = key.count
        var state = fold(seed ^ 0xA076_1D64_78BD_642F, UInt64(byteCount) ^ 0xE703_7ED1_A0B4_28DB)
        var offset = 0
        while offset &+ 8 <= byteCount {
            // SAFETY: eight bytes from here are inside the buffer.
            let word = unsafe key.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            state = fold(state ^ UInt64(littleEndian: word), 0x8EBC_6AF0_9C88_C6E3)
            offset &+= 8
        }
        var rest: UInt64 = 0
        while offset < byteCount {
            // SAFETY: in bounds.
            rest = rest &<< 8 | UInt64(unsafe key[offset])
            offset &+= 1
        }
        return fold(state ^ rest, 0x5899_65CC_7537_4CC3)
    }

    @inlinable
    @inline(__always)
    static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}
