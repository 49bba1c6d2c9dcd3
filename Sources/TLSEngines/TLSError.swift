// SPDX-License-Identifier: MIT

/// Why a connection failed.
///
/// `alert` says what the peer is told; nothing is, if it told us first or has gone.
public enum TLSError: Error, Hashable, Sendable, BitwiseCopyable {
    // What the peer did.
    /// The peer ended the connection and says why.
    case alertReceived(TLSAlert)
    /// The stream ended without the peer's close_notify: what came may be a part of what it sent.
    case truncated
    /// The client's first message is refused.
    case clientHello(ClientHelloFault)
    /// The handshake cannot go on; the peer has been told so.
    case handshakeRefused(TLSAlert)
    /// The peer's certificate is refused.
    case certificate(CertificateFault)
    /// The peer has no certificate, and needs one.
    case noCertificate
    /// The peer's certificate must not be used for this.
    case wrongKeyUsage
    /// The peer's signature over the handshake is wrong.
    case badSignature
    /// The checksum of the handshake is wrong: somebody has changed it.
    case badFinished
    /// A record that was changed on its way.
    case badRecordMAC
    /// A record that is no record of TLS, or of another version than agreed.
    case badRecordVersion
    /// A record that is too long or too short.
    case badRecordLength
    /// A message or record that does not belong here.
    case unexpectedMessage
    /// A message that cannot be read.
    case malformedMessage
    /// A version, suite, curve, compression or extension that was not offered.
    case notOffered
    /// What the peer says of renegotiation is wrong (RFC 5746).
    case badRenegotiationInfo
    /// The session that is resumed was another.
    case resumptionMismatch
    /// No algorithm in common for a signature.
    case noCommonAlgorithm
    /// A part of a message is longer than there is room for.
    case limitExceeded

    // Ours.
    /// No source of random numbers.
    case noEntropy
    /// A fault of this side, with BearSSL's number.
    case internalFault(Int32)

    /// The failure that BearSSL's number stands for; nil for none.
    init?(code: Int32) {
        switch code {
        case 0: return nil
        case 256..<512: self = .alertReceived(TLSAlert(rawValue: UInt8(code - 256)))
        case 512..<768: self = .handshakeRefused(TLSAlert(rawValue: UInt8(code - 512)))
        case 32..<64:
            let fault = CertificateFault(rawValue: UInt8(code))
            self = fault.map { .certificate($0) } ?? .internalFault(code)
        default: self = TLSError.protocolFault(code)
        }
    }

    /// The numbers below 32: bearssl_ssl.h, BR_ERR_*.
    private static func protocolFault(_ code: Int32) -> TLSError {
        switch code {
        case 3, 4: .badRecordVersion
        case 5, 6: .badRecordLength
        case 7: .badRecordMAC
        case 8: .noEntropy
        case 9, 10, 12: .unexpectedMessage
        // BearSSL says "bad parameter" of a length that does not fit.
        case 1, 13, 14, 15, 21, 22: .malformedMessage
        case 16, 17, 18, 20: .notOffered
        case 19: .badRenegotiationInfo
        case 23: .limitExceeded
        case 24: .badFinished
        case 25: .resumptionMismatch
        case 26: .noCommonAlgorithm
        case 27: .badSignature
        case 28: .wrongKeyUsage
        case 29: .noCertificate
        default: .internalFault(code)
        }
    }

    /// What the peer is told, if it is still there to hear it.
    public var alert: TLSAlert? {
        switch self {
        case .alertReceived, .truncated: nil
        case .handshakeRefused(let alert): alert
        case .clientHello(let fault): fault.alert
        case .certificate(let fault): fault.alert
        case .noCertificate, .noCommonAlgorithm, .badRenegotiationInfo: .handshakeFailure
        case .wrongKeyUsage: .unsupportedCertificate
        case .badSignature, .badFinished: .decryptError
        case .badRecordMAC: .badRecordMAC
        case .badRecordVersion: .protocolVersion
        case .badRecordLength: .recordOverflow
        case .unexpectedMessage: .unexpectedMessage
        case .malformedMessage: .decodeError
        case .notOffered, .resumptionMismatch, .limitExceeded: .illegalParameter
        case .noEntropy, .internalFault: .internalError
        }
    }
}

extension TLSError: CustomStringConvertible {
    /// A few words.
    public var description: String {
        switch self {
        case .alertReceived(let alert): "the peer ended the connection: \(alert)"
        case .truncated: "the connection ended without close_notify"
        case .clientHello(let fault): fault.description
        case .handshakeRefused(let alert): "the handshake was refused: \(alert)"
        case .certificate(let fault): fault.description
        case .noCertificate: "the peer has no certificate"
        case .wrongKeyUsage: "the peer's certificate must not be used for this"
        case .badSignature: "the peer's signature over the handshake is wrong"
        case .badFinished: "the checksum of the handshake is wrong"
        case .badRecordMAC: "a record was changed on its way"
        case .badRecordVersion: "a record of another version"
        case .badRecordLength: "a record that is too long or too short"
        case .unexpectedMessage: "a message that does not belong here"
        case .malformedMessage: "a message that cannot be read"
        case .notOffered: "the peer chose what was not offered"
        case .badRenegotiationInfo: "the peer contradicts itself about renegotiation"
        case .resumptionMismatch: "the resumed session was another"
        case .noCommonAlgorithm: "no algorithm in common"
        case .limitExceeded: "a part of a message is too long"
        case .noEntropy: "no source of random numbers"
        case .internalFault(let code): "an internal fault, BearSSL's number \(code)"
        }
    }
}
