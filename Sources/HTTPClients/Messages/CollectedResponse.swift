// SPDX-License-Identifier: MIT

/// An answer that is all there.
public struct CollectedResponse: Sendable {
    /// As `ClientResponse.status`.
    public let status: Int
    /// The fields, as they were sent.
    public let fields: ReceivedFields
    /// Who answered.
    public let url: RequestURL
    /// The body.
    public let bytes: [UInt8]
    /// The fields behind a body in chunks, if there were any.
    public let trailers: ReceivedFields?

    /// The body as text; bytes that are not UTF-8 are replaced.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}
