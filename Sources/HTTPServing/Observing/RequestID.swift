// SPDX-License-Identifier: MIT

/// Names of requests, to find one in several logs again.
public enum RequestID {
    /// The most bytes of a name that a client or proxy gave.
    public static let byteCountMax = 128

    /// Whether a client's `X-Request-ID` may be used: 1 to 128 letters, digits and `-_.~:+/=` of
    /// ASCII, as UUIDs, base64 and trace ids have. Nothing else reaches a log or a header by it.
    public static func isAcceptable(_ bytes: Span<UInt8>) -> Bool {
        guard !bytes.isEmpty, bytes.count <= byteCountMax else { return false }
        for index in bytes.indices {
            switch bytes[index] {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: continue
            case 0x2D, 0x5F, 0x2E, 0x7E, 0x3A, 0x2B, 0x2F, 0x3D: continue
            default: return false
            }
        }
        return true
    }
}
