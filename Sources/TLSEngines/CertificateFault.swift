// SPDX-License-Identifier: MIT

/// Why a certificate or a chain of them is refused. The numbers are BearSSL's.
public enum CertificateFault: UInt8, Error, CaseIterable, Sendable, BitwiseCopyable {
    /// A field has a value that it must not have.
    case invalidValue = 33
    /// It ends too early.
    case truncated = 34
    /// There is no certificate.
    case emptyChain = 35
    /// An inner element is longer than the outer one.
    case innerTruncated = 36
    /// A tag of another class is due.
    case badTagClass = 37
    /// Another tag is due.
    case badTagValue = 38
    /// A length without a number: allowed in BER, not in DER.
    case indefiniteLength = 39
    /// An element is left over.
    case extraElement = 40
    /// An element does not belong here.
    case unexpectedElement = 41
    /// A constructed element is due.
    case notConstructed = 42
    /// A primitive element is due.
    case notPrimitive = 43
    /// A string of bits that is not one of bytes.
    case partialByte = 44
    /// A truth value is neither.
    case badBoolean = 45
    /// A number is too large.
    case overflow = 46
    /// A name cannot be read.
    case badName = 47
    /// A date cannot be read.
    case badTime = 48
    /// A part that must be understood and is not.
    case unsupported = 49
    /// A part is longer than there is room for.
    case limitExceeded = 50
    /// The key's kind does not fit the signature's.
    case wrongKeyType = 51
    /// The issuer's signature is wrong.
    case badSignature = 52
    /// There is no clock.
    case timeUnknown = 53
    /// Its time has passed, or has not come yet.
    case expired = 54
    /// The issuer's name is not that of the next certificate.
    case issuerMismatch = 55
    /// It is not for the server's name.
    case wrongServerName = 56
    /// It has a critical extension that nobody here knows.
    case criticalExtension = 57
    /// An issuer that is no authority.
    case notAnAuthority = 58
    /// The key must not be used for this.
    case forbiddenKeyUsage = 59
    /// An RSA key of less than 2048 bits.
    case weakKey = 60
    /// No trusted authority has signed it.
    case notTrusted = 62

    /// What the peer is told.
    public var alert: TLSAlert {
        switch self {
        case .expired: .certificateExpired
        case .notTrusted: .unknownCA
        case .wrongServerName: .certificateUnknown
        case .unsupported, .criticalExtension, .wrongKeyType, .forbiddenKeyUsage:
            .unsupportedCertificate
        case .timeUnknown: .internalError
        default: .badCertificate
        }
    }
}

extension CertificateFault: CustomStringConvertible {
    /// A few words.
    public var description: String {
        switch self {
        case .invalidValue: "a field of the certificate has a value that it must not have"
        case .truncated: "the certificate ends too early"
        case .emptyChain: "there is no certificate"
        case .innerTruncated: "an element of the certificate is longer than the one around it"
        case .badTagClass, .badTagValue, .notConstructed, .notPrimitive, .unexpectedElement:
            "an element of the certificate is not the one that is due"
        case .indefiniteLength: "the certificate is not in DER: a length without a number"
        case .extraElement: "the certificate has an element too many"
        case .partialByte, .badBoolean, .overflow: "a value in the certificate cannot be read"
        case .badName: "a name in the certificate cannot be read"
        case .badTime: "a date in the certificate cannot be read"
        case .unsupported: "a part of the certificate is not supported"
        case .limitExceeded: "a part of the certificate is too long"
        case .wrongKeyType: "a key of the chain does not fit the signature that it should have made"
        case .badSignature: "a signature in the chain is wrong"
        case .timeUnknown: "there is no clock to check the certificate with"
        case .expired: "a certificate has expired or is not valid yet"
        case .issuerMismatch: "a certificate's issuer is not the next one of the chain"
        case .wrongServerName: "the certificate is for another name"
        case .criticalExtension: "the certificate has a critical extension that is not known here"
        case .notAnAuthority: "a certificate was issued by one that is no authority"
        case .forbiddenKeyUsage: "a key of the chain must not be used for this"
        case .weakKey: "an RSA key of the chain has less than 2048 bits"
        case .notTrusted: "no trusted authority has issued the certificate"
        }
    }
}
