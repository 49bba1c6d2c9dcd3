// SPDX-License-Identifier: MIT

/// Why a client's first message is refused.
public enum ClientHelloFault: UInt8, Error, CaseIterable, Sendable, BitwiseCopyable {
    /// The first byte is not that of a record with a handshake message: this never was TLS.
    case notTLS
    /// A record of another major version than 3.
    case badRecordVersion
    /// An empty record, or one of more than 16,384 bytes.
    case badRecordLength
    /// A record of another kind in the midst of the message.
    case interrupted
    /// Another message than ClientHello.
    case unexpectedMessage
    /// More than `ClientHelloLimits.byteCountMax`.
    case tooLong
    /// A length that does not fit, or a field that breaks the grammar.
    case malformed
    /// More bytes behind the message than belong to it.
    case trailingBytes
    /// The same extension twice (RFC 5246, section 7.4.1.4).
    case repeatedExtension
    /// More than `ClientHelloLimits.extensionCountMax` extensions.
    case tooManyExtensions
    /// A server name that is none, or two of them (RFC 6066, section 3).
    case badServerName
    /// The client knows no version that this side does.
    case oldVersion
    /// No suite in common.
    case noCommonSuite
    /// The client insists on compression.
    case noPlainCompression
    /// What it says of renegotiation cannot be said first (RFC 5746, section 3.6).
    case badRenegotiationInfo
    /// No application protocol in common, where one is needed.
    case noCommonProtocol
    /// No certificate for that name, where one is needed.
    case unknownServerName

    /// What the client is told.
    public var alert: TLSAlert {
        switch self {
        case .notTLS, .interrupted, .unexpectedMessage, .trailingBytes: .unexpectedMessage
        case .badRecordVersion, .oldVersion: .protocolVersion
        case .badRecordLength: .recordOverflow
        case .tooLong, .malformed: .decodeError
        case .repeatedExtension, .tooManyExtensions, .badServerName, .noPlainCompression:
            .illegalParameter
        case .noCommonSuite, .badRenegotiationInfo: .handshakeFailure
        case .noCommonProtocol: .noApplicationProtocol
        case .unknownServerName: .unrecognizedName
        }
    }
}

extension ClientHelloFault: CustomStringConvertible {
    /// A few words.
    public var description: String {
        switch self {
        case .notTLS: "the client does not speak TLS"
        case .badRecordVersion: "the client's record is of an unknown version"
        case .badRecordLength: "the client's record is empty or too long"
        case .interrupted: "another record stands within the client's hello"
        case .unexpectedMessage: "the client's first message is no hello"
        case .tooLong: "the client's hello is too long"
        case .malformed: "the client's hello cannot be read"
        case .trailingBytes: "bytes stand behind the client's hello"
        case .repeatedExtension: "the client's hello has an extension twice"
        case .tooManyExtensions: "the client's hello has too many extensions"
        case .badServerName: "the client's hello has a bad server name"
        case .oldVersion: "the client knows no TLS 1.2"
        case .noCommonSuite: "the client has no suite in common with this server"
        case .noPlainCompression: "the client insists on compression"
        case .badRenegotiationInfo: "the client begins with a renegotiation"
        case .noCommonProtocol: "the client has no application protocol in common"
        case .unknownServerName: "there is no certificate for the client's server name"
        }
    }
}
