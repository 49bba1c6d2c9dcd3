// SPDX-License-Identifier: MIT

/// Why a message was refused. A server answers with `status`; a client gives up the connection.
public enum HTTP1Error: UInt8, Error, CaseIterable, Sendable, BitwiseCopyable {
    // The request line (RFC 9112, section 3) and the status line (section 4).
    /// More empty lines before the message than `emptyLineCountMax`.
    case tooManyEmptyLines
    /// The method is empty or holds what is not a token, or more than `methodByteCountMax` came
    /// without its end: this never was HTTP.
    case badMethod
    /// The target is none of the four forms, or not the one that the method asks for.
    case badTarget
    /// The target has more than `targetByteCountMax` bytes.
    case targetTooLong
    /// A line without version, or with one that is not "HTTP/" digit "." digit.
    case badVersion
    /// A well-formed version of another major number than 1.
    case unsupportedVersion
    /// A status line that does not have a version, three digits, and a reason.
    case badStatusLine

    // Lines and fields (RFC 9112, sections 2.2 and 5; RFC 9110, section 5).
    /// A line ended by LF alone.
    case bareLineFeed
    /// CR without LF.
    case bareCarriageReturn
    /// White space before the first field line.
    case leadingWhitespace
    /// A field line that begins with white space (obs-fold).
    case obsoleteFold
    /// White space between name and colon.
    case spaceBeforeColon
    /// A field line without a name or a colon, or whose name is not a token.
    case badFieldName
    /// NUL or another control byte in a value.
    case badFieldValue
    /// A field line of more than `fieldLineByteCountMax` bytes.
    case fieldTooLong
    /// More than `fieldCountMax` fields, or than the table holds.
    case tooManyFields
    /// Field lines of more than `fieldsByteCountMax` bytes together.
    case fieldsTooLong

    // Host (RFC 9112, section 3.2) and expectations (RFC 9110, section 10.1.1).
    /// HTTP/1.1 without Host.
    case missingHost
    /// More than one Host.
    case repeatedHost
    /// Not a host with an optional port.
    case badHost
    /// An expectation other than 100-continue.
    case unmetExpectation

    // Framing (RFC 9112, section 6).
    /// Content-Length is not one decimal number below 2^63.
    case badContentLength
    /// More than one Content-Length.
    case repeatedContentLength
    /// Both Content-Length and Transfer-Encoding.
    case lengthAndEncoding
    /// Transfer-Encoding does not end with a single plain "chunked".
    case badTransferEncoding
    /// A transfer coding other than chunked.
    case unsupportedEncoding
    /// Transfer-Encoding in HTTP/1.0.
    case encodingInOldVersion
    /// The body has more than `bodyByteCountMax` bytes.
    case bodyTooLong

    // Chunks and trailers (RFC 9112, section 7).
    /// A chunk size that is not a hexadecimal number, or that nothing could hold.
    case badChunkSize
    /// A chunk's line of more than `chunkLineByteCountMax` bytes.
    case chunkLineTooLong
    /// A chunk extension that is not by the grammar.
    case badChunkExtension
    /// Chunk extensions of more than `chunkExtensionsByteCountMax` bytes in one body.
    case chunkExtensionsTooLong
    /// A chunk's data is not followed by CR LF.
    case badChunkEnd
    /// A trailer that must not be one: framing, routing, authentication, content.
    case forbiddenTrailer
    /// More than `trailerCountMax` trailers, or than the table holds.
    case tooManyTrailers
    /// Trailers of more than `trailersByteCountMax` bytes together.
    case trailersTooLong

    // The connection.
    /// The stream ended in the middle of a message.
    case truncated

    /// The status of the answer (RFC 9110, section 15).
    public var status: Int {
        switch self {
        case .bodyTooLong: 413
        case .targetTooLong: 414
        case .unmetExpectation: 417
        case .fieldTooLong, .tooManyFields, .fieldsTooLong, .tooManyTrailers, .trailersTooLong: 431
        case .unsupportedEncoding: 501
        case .unsupportedVersion: 505
        default: 400
        }
    }

    /// Whether nothing that follows on the connection can be trusted to be a message. False for the
    /// two that are found in a head whose framing is sound: the body may be read and dropped.
    public var mustClose: Bool {
        switch self {
        case .unmetExpectation, .bodyTooLong: false
        default: true
        }
    }
}
