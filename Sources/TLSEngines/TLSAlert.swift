// SPDX-License-Identifier: MIT

/// What one end tells the other before it closes (RFC 5246, section 7.2; RFC 6066; RFC 7301).
public struct TLSAlert: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// Its number on the wire.
    public var rawValue: UInt8

    /// The alert of that number.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The sender sends no more.
    public static let closeNotify = TLSAlert(rawValue: 0)
    /// A message that does not belong here.
    public static let unexpectedMessage = TLSAlert(rawValue: 10)
    /// A record that was changed on its way.
    public static let badRecordMAC = TLSAlert(rawValue: 20)
    /// A record that is too long.
    public static let recordOverflow = TLSAlert(rawValue: 22)
    /// Nothing in common.
    public static let handshakeFailure = TLSAlert(rawValue: 40)
    /// A certificate that is broken.
    public static let badCertificate = TLSAlert(rawValue: 42)
    /// A certificate of a kind that is not supported.
    public static let unsupportedCertificate = TLSAlert(rawValue: 43)
    /// A certificate whose time has passed, or has not come.
    public static let certificateExpired = TLSAlert(rawValue: 45)
    /// A certificate that is refused for another reason.
    public static let certificateUnknown = TLSAlert(rawValue: 46)
    /// A field that contradicts others.
    public static let illegalParameter = TLSAlert(rawValue: 47)
    /// A certificate that nobody trusted has signed.
    public static let unknownCA = TLSAlert(rawValue: 48)
    /// A message that cannot be read.
    public static let decodeError = TLSAlert(rawValue: 50)
    /// A signature or a checksum of the handshake that is wrong.
    public static let decryptError = TLSAlert(rawValue: 51)
    /// A version that is not supported.
    public static let protocolVersion = TLSAlert(rawValue: 70)
    /// A fault of the sender's own.
    public static let internalError = TLSAlert(rawValue: 80)
    /// The client fell back to an older version without need (RFC 7507).
    public static let inappropriateFallback = TLSAlert(rawValue: 86)
    /// The sender does not renegotiate.
    public static let noRenegotiation = TLSAlert(rawValue: 100)
    /// An extension that nobody asked for.
    public static let unsupportedExtension = TLSAlert(rawValue: 110)
    /// No certificate for the name that was asked for.
    public static let unrecognizedName = TLSAlert(rawValue: 112)
    /// No application protocol in common.
    public static let noApplicationProtocol = TLSAlert(rawValue: 120)
}

extension TLSAlert: CustomStringConvertible {
    /// Its name in the registry.
    public var description: String { TLSAlert.name(rawValue) ?? "alert \(rawValue)" }

    private static func name(_ number: UInt8) -> String? {
        switch number {
        case 0: "close_notify"
        case 10: "unexpected_message"
        case 20: "bad_record_mac"
        case 22: "record_overflow"
        case 30: "decompression_failure"
        case 40: "handshake_failure"
        case 42: "bad_certificate"
        case 43: "unsupported_certificate"
        case 44: "certificate_revoked"
        case 45: "certificate_expired"
        case 46: "certificate_unknown"
        case 47: "illegal_parameter"
        case 48: "unknown_ca"
        case 49: "access_denied"
        case 50: "decode_error"
        case 51: "decrypt_error"
        case 70: "protocol_version"
        case 71: "insufficient_security"
        case 80: "internal_error"
        case 86: "inappropriate_fallback"
        case 90: "user_canceled"
        case 100: "no_renegotiation"
        case 110: "unsupported_extension"
        case 112: "unrecognized_name"
        case 120: "no_application_protocol"
        default: nil
        }
    }
}
