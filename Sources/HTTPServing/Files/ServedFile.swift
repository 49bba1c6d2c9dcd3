// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// An open file and what a response says about it. It closes its descriptor, unless that is taken.
public struct ServedFile: ~Copyable, Sendable {
    /// Readable from any place with `pread`, `sendfile` or a read of the loop.
    public let descriptor: Int32
    /// The length when it was opened. A file that shrinks meanwhile ends the connection.
    public let byteCount: UInt64
    /// `Last-Modified` and `ETag`.
    public let validators: Validators
    /// `Content-Type`: that of the file without its coding.
    public let mediaType: StaticString
    /// `Content-Encoding`, unless it is identity.
    public let coding: ContentCoding
    /// Whether the response has `Vary: Accept-Encoding`.
    public let varies: Bool

    init(
        descriptor: Int32, byteCount: UInt64, validators: Validators, mediaType: StaticString,
        coding: ContentCoding, varies: Bool
    ) {
        self.descriptor = descriptor
        self.byteCount = byteCount
        self.validators = validators
        self.mediaType = mediaType
        self.coding = coding
        self.varies = varies
    }

    /// Takes the descriptor over: the caller closes it.
    public consuming func takeDescriptor() -> Int32 {
        let result = descriptor
        discard self
        return result
    }

    deinit { _ = millrace_close(descriptor) }
}
