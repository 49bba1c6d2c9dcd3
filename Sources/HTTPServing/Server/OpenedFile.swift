// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// A file that a response is made of, closed with the last reference.
final class OpenedFile: Sendable {
    let descriptor: Int32
    let byteCount: UInt64
    let validators: Validators
    let mediaType: StaticString
    let coding: ContentCoding
    let varies: Bool

    init(_ file: consuming ServedFile) {
        byteCount = file.byteCount
        validators = file.validators
        mediaType = file.mediaType
        coding = file.coding
        varies = file.varies
        descriptor = file.takeDescriptor()
    }

    deinit { _ = millrace_close(descriptor) }
}

/// A piece of an open file.
struct FilePart: Sendable {
    let file: OpenedFile
    let offset: UInt64
    let byteCount: UInt64

    init(_ file: OpenedFile, offset: UInt64, byteCount: UInt64) {
        self.file = file
        self.offset = offset
        self.byteCount = byteCount
    }
}
