// SPDX-License-Identifier: MIT

/// A file whose bytes are in the program: what `EmbeddedFiles` serves.
///
/// ```swift
/// EmbeddedFile("index.html", PackageResources.index_html)
/// ```
public struct EmbeddedFile: Sendable {
    /// Its path below the place where it is served, not percent-encoded: "css/site.css".
    public let name: String
    /// Its content.
    public let bytes: [UInt8]
    /// `Content-Type`; nil for the type that `MediaTypes` knows for the name's extension.
    public let type: String?
    /// When it was last changed, in seconds since 1970; nil leaves `Last-Modified` out.
    public let lastModifiedSeconds: Int64?
    /// The same content in other codings.
    private(set) var variants: [(coding: ContentCoding, bytes: [UInt8])] = []

    /// A file in memory.
    public init(
        _ name: String, _ bytes: [UInt8], type: String? = nil, lastModifiedSeconds: Int64? = nil
    ) {
        self.name = name
        self.bytes = bytes
        self.type = type
        self.lastModifiedSeconds = lastModifiedSeconds
    }

    /// The same file, which is there in this coding too: for clients that prefer it. One for each
    /// coding; none for identity, which is `bytes`.
    public func adding(_ coding: ContentCoding, _ bytes: [UInt8]) -> EmbeddedFile {
        precondition(coding != .identity, "the bytes as they are have been given")
        precondition(
            !variants.contains { $0.coding == coding }, "there is one variant for each coding")
        var copy = self
        copy.variants.append((coding, bytes))
        return copy
    }

    /// `Content-Type`, as it is sent.
    var mediaType: String {
        if let type { return type }
        let path = Array(name.utf8)
        return "\(MediaTypes.type(forPath: path.span))"
    }
}

#if Compression
    extension EmbeddedFile {
        /// The same file, compressed now for each coding that it is not there in yet. A type that
        /// does not shrink (`MediaTypes.isCompressible`) and a result that is not shorter are left
        /// out. Takes milliseconds for each 100 kB: once, before the server runs.
        public func compressed(
            _ codings: ContentCodings = [.br, .gzip],
            options: CompressionOptions = CompressionOptions()
        ) throws(CompressionError) -> EmbeddedFile {
            let type = Array(mediaType.utf8)
            guard MediaTypes.isCompressible(type.span) else { return self }
            var copy = self
            for coding in ContentCoding.allCases where coding != .identity {
                guard codings.contains(coding), !variants.contains(where: { $0.coding == coding })
                else { continue }
                let packed = try Compressor.pack(bytes, coding, options)
                if packed.count < bytes.count { copy.variants.append((coding, packed)) }
            }
            return copy
        }
    }
#endif
