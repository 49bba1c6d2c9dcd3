// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import HTTP1Codec
public import Networking

/// One answered request, for an access log.
public struct HTTPAccess: Sendable {
    /// Who asked; nil if the connection was gone before it could be found out.
    public let remote: SocketAddress?
    /// The method as it was sent; empty, as the target, if the head could not be read. Bytes of a
    /// client: write them with `LogText` or `AccessLog`.
    public let method: [UInt8]
    /// The target as it was sent.
    public let target: [UInt8]
    /// The minor version of HTTP/1.
    public let versionMinor: UInt8
    /// `Referer`, if it was sent.
    public let referer: [UInt8]?
    /// `User-Agent`, if it was sent.
    public let userAgent: [UInt8]?
    /// The status of the answer.
    public internal(set) var status = 0
    /// How many bytes the answer's body was announced to have; nil for one of unknown length.
    public internal(set) var byteCount: UInt64?
    /// From the head's end to the answer's, in nanoseconds.
    public internal(set) var durationNanoseconds: UInt64 = 0
    /// When it was answered, in seconds since 1970.
    public internal(set) var secondsSince1970: Int64 = 0

    let begin: MonotonicInstant

    /// A head that could not be read: nothing is known of it.
    init(_ remote: SocketAddress?, at begin: MonotonicInstant) {
        self.remote = remote
        method = []
        target = []
        versionMinor = 1
        referer = nil
        userAgent = nil
        self.begin = begin
    }

    @unsafe
    init(
        _ remote: SocketAddress?, _ bytes: UnsafeRawBufferPointer, _ head: RequestHead,
        _ fields: UnsafeMutablePointer<FieldTable>, at begin: MonotonicInstant
    ) {
        self.remote = remote
        method = unsafe Array(bytes[head.methodName])  // SAFETY: copied while lent.
        target = unsafe Array(bytes[head.target.whole])  // SAFETY: as above.
        versionMinor = head.versionMinor
        let referer = unsafe fields.pointee.value(of: .referer)  // SAFETY: as above.
        self.referer = referer.map { unsafe Array(bytes[$0]) }  // SAFETY: as above.
        let agent = unsafe fields.pointee.value(of: .userAgent)  // SAFETY: as above.
        userAgent = agent.map { unsafe Array(bytes[$0]) }  // SAFETY: as above.
        self.begin = begin
    }
}
