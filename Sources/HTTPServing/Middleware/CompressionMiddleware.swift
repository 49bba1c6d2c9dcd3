// SPDX-License-Identifier: MIT

#if Compression
    /// Compresses answers whose body is all there, if the client takes it and it pays.
    ///
    /// Left alone: bodies of fewer bytes than `byteCountMin` or more than `byteCountMax`, types
    /// that do not shrink (`MediaTypes.isCompressible`), answers that have a coding, a range or
    /// `no-transform`, and streams. An entity tag becomes a weak one: the bytes are others
    /// (RFC 9110, section 8.8.1).
    public struct CompressionMiddleware: Sendable {
        /// Shorter bodies go as they are.
        public var byteCountMin = 512
        /// Longer bodies go as they are: compressing runs on the loop.
        public var byteCountMax = 1 << 20
        /// What is offered.
        public var codings: ContentCodings = [.br, .gzip, .identity]
        /// How hard it is tried.
        public var options = CompressionOptions()

        /// The defaults.
        public init() {}

        /// What `HTTPRoutes.use` takes.
        public var middleware: HTTPMiddleware {
            let settings = self
            return { request, next in
                let response = try await next(request)
                return try settings.compressed(response, for: request)
            }
        }

        private func compressed(
            _ response: ServerResponse, for request: ServerRequest
        ) throws -> ServerResponse {
            guard case .bytes(let bytes) = response.body, mayCompress(response, bytes.count) else {
                return response
            }
            var varied = response
            varied.add("Vary", "Accept-Encoding")
            guard let coding = request.acceptedCodings.choose(from: codings), coding != .identity
            else { return varied }
            let packed = try Compressor.pack(bytes, coding, options)
            guard packed.count < bytes.count else { return varied }
            return varied.replacing(bytes: packed).weakeningEntityTag()
                .adding("Content-Encoding", coding.name)
        }

        private func mayCompress(_ response: ServerResponse, _ byteCount: Int) -> Bool {
            guard response.status == 200, (byteCountMin...byteCountMax).contains(byteCount),
                response.value(of: "Content-Encoding") == nil,
                let type = response.value(of: "Content-Type")
            else { return false }
            let control = response.value(of: "Cache-Control")?.lowercased() ?? ""
            let bytes = Array(type.utf8)
            return !control.contains("no-transform") && MediaTypes.isCompressible(bytes.span)
        }
    }
#endif
