// SPDX-License-Identifier: MIT

internal import EventLoops
internal import HTTP1Codec

/// A head that came in pieces: its bytes so far, and how far they are parsed. Only while it is
/// incomplete does a connection have one.
final class PartialHead {
    private(set) var bytes: [UInt8] = []
    private var parser = RequestHeadParser()
    let fields: LoopOwned<FieldTable>

    init(limits: HTTPLimits) {
        fields = LoopOwned(FieldTable(capacity: limits.fieldCountMax))
    }

    /// Whether a byte of the request itself has come.
    var isAtStart: Bool { parser.isAtStart }

    /// Goes on with more bytes; nil if the head is still not complete.
    func parse(
        _ more: UnsafeRawBufferPointer, limits: HTTPLimits
    ) throws(HTTP1Error) -> RequestHead? {
        unsafe bytes.append(contentsOf: more)  // SAFETY: copied while lent.
        let all = bytes
        // SAFETY: lent for the call; the table is touched by nobody else.
        return try unsafe all.span.bytes.withUnsafeBytes { (all) throws(HTTP1Error) in
            unsafe try parser.parse(all, limits: limits, fields: &fields.pointer.pointee)
        }
    }
}
