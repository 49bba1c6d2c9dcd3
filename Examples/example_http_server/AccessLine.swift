// SPDX-License-Identifier: MIT

#if Examples
    internal import ExampleSupport
    internal import HTTPServing

    /// Writes an answered request to standard output.
    enum AccessLine {
        static func write(_ access: HTTPAccess) {
            let remote = access.remote.map { Array("\($0)".utf8) } ?? []
            let referer = access.referer ?? []
            let agent = access.userAgent ?? []
            let figures = AccessLog.Figures(
                secondsSince1970: access.secondsSince1970, status: UInt16(access.status),
                byteCount: access.byteCount ?? 0, durationNanoseconds: access.durationNanoseconds)
            let method = access.method
            let target = access.target
            var line: [UInt8] = []
            AccessLog.append(
                .combined, figures, remote: remote.isEmpty ? nil : remote.span,
                method: method.span, target: target.span,
                version: access.versionMinor == 0 ? "HTTP/1.0" : "HTTP/1.1",
                referer: referer.isEmpty ? nil : referer.span,
                userAgent: agent.isEmpty ? nil : agent.span, to: &line)
            StandardStream.output.write(String(decoding: line, as: UTF8.self))
        }
    }
#endif
