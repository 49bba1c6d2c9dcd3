// SPDX-License-Identifier: MIT

/// What the peer's certificate is worth.
public enum PeerVerdict: Equatable, Sendable, BitwiseCopyable {
    /// None was asked for, or the handshake has not come so far.
    case notAsked
    /// The peer has none.
    case absent
    /// An authority that is trusted has issued it, and the peer has shown that it has the key.
    case trusted
    /// It is not to be trusted. Seen only where a policy asks for any certificate.
    case refused(CertificateFault)
}

/// SHA-256 of a certificate.
public struct CertificateFingerprint: Equatable, Sendable, BitwiseCopyable {
    /// Its bytes.
    public var bytes = InlineArray<32, UInt8>(repeating: 0)

    init() {}

    /// Whether both are the same.
    public static func == (left: CertificateFingerprint, right: CertificateFingerprint) -> Bool {
        for index in 0..<32 where left.bytes[index] != right.bytes[index] { return false }
        return true
    }
}
