// SPDX-License-Identifier: MIT

/// The entity tag of bytes that never change: their hash, so that it is the same in each process
/// that serves them, and another one in a program with other bytes.
enum ContentTag {
    /// A strong tag (RFC 9110, section 8.8.1): each coding has one of its own, as its bytes differ.
    static func make(_ bytes: Span<UInt8>, _ coding: ContentCoding) -> EntityTag? {
        let hash = String(hash(bytes), radix: 36)
        return EntityTag(coding == .identity ? hash : hash + "-" + coding.name)
    }

    /// FNV-1a with 128 bits (G. Fowler, L. C. Noll, K.-P. Vo). It tells versions of a file apart;
    /// against somebody who looks for two files with the same hash it is no protection, and whoever
    /// writes the files needs none.
    static func hash(_ bytes: Span<UInt8>) -> UInt128 {
        var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
        for index in bytes.indices {
            hash ^= UInt128(bytes[index])
            hash &*= 0x0000_0000_0100_0000_0000_0000_0000_013b
        }
        return hash
    }
}
