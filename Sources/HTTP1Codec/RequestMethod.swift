// SPDX-License-Identifier: MIT

/// A method that is recognised while a head is parsed (RFC 9110, section 9.3, and PATCH of RFC
/// 5789). Methods are case-sensitive: "get" is `other`.
public enum RequestMethod: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    /// Any token that is not in this list.
    case other = 0
    case get, head, post, put, delete, connect, options, trace, patch

    /// The method as it is sent; empty for `other`.
    public var name: StaticString {
        switch self {
        case .other: ""
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        }
    }

    /// The method of these bytes.
    static func recognize(_ bytes: Bytes, _ range: ByteRange) -> RequestMethod {
        switch range.count {
        case 3:
            if bytes.holds("GET", in: range) { return .get }
            if bytes.holds("PUT", in: range) { return .put }
        case 4:
            if bytes.holds("POST", in: range) { return .post }
            if bytes.holds("HEAD", in: range) { return .head }
        case 5:
            if bytes.holds("PATCH", in: range) { return .patch }
            if bytes.holds("TRACE", in: range) { return .trace }
        case 6: if bytes.holds("DELETE", in: range) { return .delete }
        case 7:
            if bytes.holds("OPTIONS", in: range) { return .options }
            if bytes.holds("CONNECT", in: range) { return .connect }
        default: break
        }
        return .other
    }
}
