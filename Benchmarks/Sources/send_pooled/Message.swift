// SPDX-License-Identifier: MIT

/// A message that is sent again and again with another number.
struct Message {
    /// A word of what follows the number: "mmmmmmmm".
    static let filling: UInt64 = 0x6d6d_6d6d_6d6d_6d6d

    private(set) var bytes: [UInt8]

    init(byteCount: Int) {
        bytes = Array(repeating: UInt8(ascii: "m"), count: byteCount)
    }

    /// The first eight bytes, in the machine's order.
    var number: UInt64 = 0 {
        didSet {
            // SAFETY: a message has at least eight bytes.
            unsafe bytes.withUnsafeMutableBytes { bytes in
                unsafe bytes.storeBytes(of: number, as: UInt64.self)  // SAFETY: as above.
            }
        }
    }
}
