// SPDX-License-Identifier: MIT

internal import HTTP1Codec
public import Networking

// What requests carry besides their body, decoded when it is asked for.
extension ServerRequest {
    /// The parameters behind "?", decoded as a form. More than `Form` takes is refused with 400.
    public var queryForm: Form {
        get throws(HTTPFailure) {
            let bytes = Array((query ?? "").utf8)
            return try Self.form(bytes, status: 400)
        }
    }

    /// The body as application/x-www-form-urlencoded; 415 for another type, 413 for more bytes.
    public func form(upTo byteCountMax: Int = Form.byteCountMaxDefault) async throws -> Form {
        let type = self[.contentType].map { $0.prefix { $0 != ";" }.lowercased() }
        guard let type, type.trimmingBlanks == "application/x-www-form-urlencoded" else {
            throw HTTPFailure(415)
        }
        let bytes = try await body.collect(upTo: byteCountMax)
        return try Self.form(bytes, status: 400)
    }

    private static func form(_ bytes: [UInt8], status: Int) throws(HTTPFailure) -> Form {
        do throws(FormError) {
            return try Form(bytes)
        } catch {
            throw HTTPFailure(status, "the form cannot be read: \(error)")
        }
    }

    /// The value of the first cookie of that name; nil if there is none, or if the field is not
    /// well formed.
    public func cookie(_ name: String) -> String? {
        let wanted = Array(name.utf8)
        for value in values(of: "Cookie") {
            let bytes = Array(value.utf8)
            var scanner = CookieScanner()
            while let cookie = try? scanner.next(in: bytes.span) {
                if cookie.isNamed(wanted.span, in: bytes.span) {
                    return cookie.valueText(in: bytes.span)
                }
            }
        }
        return nil
    }

    /// The address that the request came from: the proxy's, if there is one. Nil for a connection
    /// that is gone.
    public var remoteAddress: SocketAddress? {
        get async { await body.remoteAddress }
    }
}
