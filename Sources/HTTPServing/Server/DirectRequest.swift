// SPDX-License-Identifier: MIT

public import HTTP1Codec
internal import EventLoops

/// A request as it lies in the receive buffer, lent to a direct handler for the call.
@safe
public struct DirectRequest: ~Copyable {
    private let bytes: UnsafeRawBufferPointer
    private let fields: UnsafePointer<FieldTable>
    /// The head: method, target, framing.
    public let head: RequestHead
    private let parameters: RouteParameters
    private let pathRange: ByteRange

    @unsafe
    init(
        _ bytes: UnsafeRawBufferPointer, _ head: RequestHead, _ fields: UnsafePointer<FieldTable>,
        _ path: ByteRange, _ parameters: RouteParameters
    ) {
        // SAFETY: all of it lives for the handler's call, which cannot keep a noncopyable value.
        unsafe self.bytes = bytes
        unsafe self.fields = fields  // SAFETY: as above.
        self.head = head
        pathRange = path
        self.parameters = parameters
    }

    /// Lends the path as it was sent, percent-encoded.
    public func withPath<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        withBytes(pathRange, body)
    }

    /// Lends what stands behind "?", as it was sent; empty if nothing does.
    public func withQuery<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        withBytes(head.target.query, body)
    }

    /// Lends the value of a field; nil if it is not there. The first, if it is there several times.
    public func withValue<Result>(
        of field: KnownField, _ body: (Span<UInt8>) -> Result
    ) -> Result? {
        // SAFETY: the table lives for the call.
        guard let range = unsafe fields.pointee.value(of: field) else { return nil }
        return withBytes(range, body)
    }

    /// Lends the value of a field of any name, which is compared without regard to case.
    public func withValue<Result>(
        named name: StaticString, _ body: (Span<UInt8>) -> Result
    ) -> Result? {
        // SAFETY: table and bytes live for the call.
        guard let index = unsafe fields.pointee.firstIndex(named: name, in: bytes) else {
            return nil
        }
        return withBytes(unsafe fields.pointee[index].value, body)  // SAFETY: as above.
    }

    /// The decoded text of a route's parameter, by its place in the pattern.
    public func parameter(_ index: Int) -> String {
        withPath { parameters.string(at: index, in: $0) }
    }

    private func withBytes<Result>(
        _ range: ByteRange, _ body: (Span<UInt8>) -> Result
    ) -> Result {
        // SAFETY: the bytes live for the call, and the range is the parser's.
        let lent = unsafe bytes[range]
        return body(unsafe Span(_unsafeBytes: lent))  // SAFETY: as above.
    }
}
