// SPDX-License-Identifier: MIT

public import HTTP1Codec

#if TLS
    public import Networking
#endif

/// A request, as a handler with a task gets it.
public struct ServerRequest: Sendable {
    private let copy: RequestCopy
    /// The body.
    public let body: RequestBody

    init(_ copy: RequestCopy, _ body: RequestBody) {
        self.copy = copy
        self.body = body
    }

    #if TLS
        /// What the ends of the connection have agreed on, with the client's certificate; nil
        /// without TLS, and when the answer is over.
        public var security: ConnectionSecurity? {
            get async { await body.security }
        }
    #endif

    /// The parsed head: version, framing, the target's parts. Ranges are into `headBytes`.
    public var head: RequestHead { copy.head }

    /// The head as it was sent.
    public var headBytes: [UInt8] { copy.headBytes }

    /// The method.
    public var method: String { copy.text(copy.head.methodName) }

    /// The path as it was sent, percent-encoded.
    public var path: String { String(decoding: copy.path, as: UTF8.self) }

    /// The path's bytes.
    public var pathBytes: [UInt8] { copy.path }

    /// What stands behind "?", as it was sent; nil if there is none.
    public var query: String? {
        copy.head.target.hasQuery ? copy.text(copy.head.target.query) : nil
    }

    /// The first value of a field.
    public subscript(field: KnownField) -> String? {
        copy.fields.first { $0.known == field }.map { copy.text($0.value) }
    }

    /// The first value of a field of any name, which is compared without regard to case.
    public subscript(name: String) -> String? { values(of: name).first }

    /// All values of a field, in order.
    public func values(of name: String) -> [String] {
        let wanted = Array(name.utf8)
        return copy.fields.filter { copy.isNamed(wanted.span, $0) }.map { copy.text($0.value) }
    }

    /// All fields, in order, as they were sent.
    public var fields: [(name: String, value: String)] {
        copy.fields.map { (copy.text($0.name), copy.text($0.value)) }
    }

    /// The decoded text of a route's parameter; nil if the pattern has none of that name.
    public func parameter(_ name: String) -> String? {
        guard let index = copy.parameterNames.firstIndex(of: name) else { return nil }
        return copy.withPath { copy.parameters.string(at: index, in: $0) }
    }

    /// Where a route's parameter lies in `pathBytes`.
    func parameterRange(_ name: String) -> Range<Int>? {
        copy.parameterNames.firstIndex(of: name).map { copy.parameters.range(at: $0) }
    }
}
