// SPDX-License-Identifier: MIT

/// Why a certificate, a key, or a configuration cannot be used.
public enum TLSSetupFault: Error, Sendable {
    /// The file cannot be read; the errno.
    case unreadable(Int32)
    /// The file has more bytes than `PEM.byteCountMax`.
    case tooLarge
    /// The file is not PEM: a line that is broken, or an end that is missing.
    case badPEM
    /// There is no certificate in it: the chain would be empty.
    case noCertificate
    /// More than `CertificateChain.countMax` certificates.
    case tooManyCertificates
    /// A certificate cannot be read; its number, from 1.
    case badCertificate(number: Int, CertificateFault)
    /// There is no private key in it.
    case noKey
    /// There is more than one private key in it.
    case severalKeys
    /// The key is protected by a password.
    case encryptedKey
    /// The key cannot be read.
    case badKey
    /// The key is neither RSA nor of P-256, P-384 or P-521.
    case unsupportedKey
    /// An RSA key of less than 2048 or more than 4096 bits.
    case badKeySize(bits: Int)
    /// The key is not that of the first certificate of the chain, which the string names.
    case keyMismatch(chain: String)
    /// There is no trust anchor in it.
    case noAnchor
    /// A server needs a certificate and a key.
    case noIdentity
    /// An application protocol's name is empty, has more than 255 bytes, or a zero among them.
    case badProtocolName
    /// More than `TLSLimits.protocolCountMax` application protocols.
    case tooManyProtocols
    /// A server's name that is none in DNS: an address, or a byte that does not belong there.
    case badServerName
}

/// What is wrong with a certificate, a key, or a configuration, and where.
public struct TLSSetupError: Error, Sendable {
    /// The file, or another word for where the bytes came from.
    public var source: String
    /// What is wrong with it.
    public var fault: TLSSetupFault

    init(_ source: String, _ fault: TLSSetupFault) {
        self.source = source
        self.fault = fault
    }
}

extension TLSSetupError: CustomStringConvertible {
    /// The file's name and the reason.
    public var description: String { "\(source): \(fault.description)" }
}

extension TLSSetupFault: CustomStringConvertible {
    /// A few words.
    public var description: String {
        switch self {
        case .unreadable(let code): "cannot be read (errno \(code))"
        case .tooLarge: "is too large"
        case .badPEM: "is not PEM"
        case .noCertificate: "has no certificate"
        case .tooManyCertificates: "has too many certificates"
        case .badCertificate(let number, let fault): "certificate \(number): \(fault.description)"
        case .noKey: "has no private key"
        case .severalKeys: "has more than one private key"
        case .encryptedKey: "the private key is protected by a password"
        case .badKey: "the private key cannot be read"
        case .unsupportedKey: "the private key is neither RSA nor of P-256, P-384 or P-521"
        case .badKeySize(let bits): "an RSA key of \(bits) bits; 2048 to 4096 can be used"
        case .keyMismatch(let chain): "the private key is not that of the certificate in \(chain)"
        case .noAnchor: "has no trust anchor"
        case .noIdentity: "a server needs a certificate and a key"
        case .badProtocolName: "an application protocol's name is empty, too long, or has a zero"
        case .tooManyProtocols: "has too many application protocols"
        case .badServerName: "is not a server's name; addresses cannot be checked"
        }
    }
}

// Comparing strings needs tables that Embedded mode does not have.
#if !hasFeature(Embedded)
    extension TLSSetupFault: Equatable {}
    extension TLSSetupError: Equatable {}
#endif
