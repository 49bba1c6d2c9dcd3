// SPDX-License-Identifier: MIT

extension KnownField {
    /// Whether it must not be a trailer (RFC 9110, section 6.5.1): framing, routing, request
    /// modifiers, authentication, content format, and what controls the answer.
    ///
    /// A server that merged such a trailer into the head would act on what came after its decision.
    public var isForbiddenTrailer: Bool { Self.forbiddenTrailers & bit != 0 }

    private static var forbiddenTrailers: UInt64 {
        let framing =
            bits(.host, .contentLength, .transferEncoding, .connection)
            | bits(.upgrade, .te, .trailer, .keepAlive)
        let modifiers =
            bits(.expect, .cacheControl, .maxForwards, .pragma)
            | bits(.range, .ifMatch, .ifNoneMatch, .ifModifiedSince)
            | bits(.ifUnmodifiedSince, .ifRange, .age, .expires)
        let authentication =
            bits(.authorization, .proxyAuthorization, .cookie, .setCookie)
            | bits(.wwwAuthenticate, .proxyAuthenticate, .proxyConnection, .origin)
        let content =
            bits(.contentEncoding, .contentType, .contentRange, .contentLocation)
            | bits(.date, .location, .retryAfter, .vary)
        return framing | modifiers | authentication | content
    }

    private static func bits(
        _ first: KnownField, _ second: KnownField, _ third: KnownField, _ fourth: KnownField
    ) -> UInt64 {
        first.bit | second.bit | third.bit | fourth.bit
    }
}
