// SPDX-License-Identifier: MIT

internal import CLinuxShims

extension SocketAddress: Hashable {
    /// Whether both name the same place, byte for byte: an IPv4 address is not equal to its form
    /// mapped into IPv6, and a Unix path is not equal to another path of the same file.
    public static func == (one: SocketAddress, other: SocketAddress) -> Bool {
        one.withBytes { oneBytes in
            other.withBytes { otherBytes in
                guard oneBytes.byteCount == otherBytes.byteCount else { return false }
                return oneBytes.byteOffsets.allSatisfy { offset in
                    // SAFETY: in bounds of both.
                    unsafe oneBytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                        == otherBytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                }
            }
        }
    }

    /// The bytes that `==` compares.
    public func hash(into hasher: inout Hasher) {
        withBytes { bytes in
            unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }  // SAFETY: lent.
        }
    }

    private func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
        // SAFETY: lent for the call.
        unsafe withStorage { pointer in
            // SAFETY: `length` bytes of the words are the address.
            let count = unsafe min(Int(pointer.pointee.length), 128)
            let bytes = unsafe UnsafeRawBufferPointer(start: pointer, count: count)  // SAFETY: so.
            return body(unsafe bytes.bytes)  // SAFETY: lent for the call.
        }
    }
}
