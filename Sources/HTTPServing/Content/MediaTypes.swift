// SPDX-License-Identifier: MIT

/// Media types by the extensions of file names, and which of them compression makes smaller.
///
/// The types are those of IANA's registry; text has `charset=utf-8`, as there is no other way to
/// tell a browser so.
public enum MediaTypes {
    /// The type of bytes of which nothing is known.
    public static let unknown: StaticString = "application/octet-stream"

    /// The longest extension that the table knows.
    static let extensionByteCountMax = 12

    /// The type for an extension without its dot, in any case; nil if the table does not have it.
    ///
    /// O(log entries), no allocation.
    public static func type(forExtension bytes: Span<UInt8>) -> StaticString? {
        guard let key = key(bytes) else { return nil }
        var low = 0
        var high = table.count
        while low < high {  // Ends: every turn halves the range.
            let middle = (low + high) / 2
            if table[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low < table.count && table[low].key == key ? table[low].type : nil
    }

    /// The type for the last part of a path; `unknown` if it has no extension or one that the table
    /// does not have.
    public static func type(forPath path: Span<UInt8>) -> StaticString {
        var index = path.count
        // Ends: one byte a turn.
        while index > 0, path.count - index <= extensionByteCountMax {
            index &-= 1
            if path[index] == 0x2F { return unknown }
            if path[index] == 0x2E {
                return type(forExtension: path.extracting((index &+ 1)..<path.count)) ?? unknown
            }
        }
        return unknown
    }

    /// Whether bytes of a type are worth compressing: text, and the formats that are text inside or
    /// not compressed by themselves. Parameters do not matter.
    public static func isCompressible(_ type: Span<UInt8>) -> Bool {
        let essence = HeaderParameters(type, 0..<type.count).value
        guard essence.count >= 5 else { return false }
        // A stream of events is sent piece by piece; it is text, and compressed if asked for.
        if HeaderBytes.matches(type, essence.lowerBound..<(essence.lowerBound + 5), "text/") {
            return true
        }
        for suffix in ["+json", "+xml", "+text", "/json", "/xml"] as [StaticString] {
            let length = suffix.utf8CodeUnitCount
            let end = (essence.upperBound - length)..<essence.upperBound
            if essence.count > length, HeaderBytes.matches(type, end, suffix) { return true }
        }
        return compressible.contains { HeaderBytes.matches(type, essence, $0) }
    }

    private static let compressible: [StaticString] = [
        "application/javascript", "application/wasm", "application/rtf", "application/x-ndjson",
        "application/toml", "application/yaml", "application/sql", "application/graphql",
        "application/vnd.ms-fontobject", "font/ttf", "font/otf", "font/collection", "image/bmp",
        "image/x-icon", "image/vnd.microsoft.icon", "application/x-tar", "application/xhtml",
        "application/x-javascript",
    ]

    private struct Entry: Sendable {
        let key: UInt64
        let type: StaticString
    }

    /// An extension in small letters as one number: twelve letters and digits are less than 2^64.
    private static func key(_ bytes: Span<UInt8>) -> UInt64? {
        guard !bytes.isEmpty, bytes.count <= extensionByteCountMax else { return nil }
        var key: UInt64 = 0
        for index in bytes.indices {
            switch HeaderBytes.lowercased(bytes[index]) {
            case let letter where letter >= 0x61 && letter <= 0x7A:
                key = key &* 40 &+ UInt64(letter &- 0x60)
            case let digit where digit >= 0x30 && digit <= 0x39:
                key = key &* 40 &+ UInt64(digit &- 0x30 &+ 27)
            default: return nil
            }
        }
        return key
    }

    /// Sorted by key, made once.
    private static let table: [Entry] = entries.map { name, type in
        let bytes = Array(name.utf8)
        guard let key = key(bytes.span) else { preconditionFailure("'\(name)' is no extension") }
        return Entry(key: key, type: type)
    }.sorted { $0.key < $1.key }

    static let entries: [(String, StaticString)] = texts + images + sounds + fonts + others

    private static let texts: [(String, StaticString)] = [
        ("html", "text/html; charset=utf-8"), ("htm", "text/html; charset=utf-8"),
        ("css", "text/css; charset=utf-8"), ("js", "text/javascript; charset=utf-8"),
        ("mjs", "text/javascript; charset=utf-8"), ("txt", "text/plain; charset=utf-8"),
        ("log", "text/plain; charset=utf-8"), ("md", "text/markdown; charset=utf-8"),
        ("csv", "text/csv; charset=utf-8"), ("tsv", "text/tab-separated-values; charset=utf-8"),
        ("ics", "text/calendar; charset=utf-8"), ("vcf", "text/vcard; charset=utf-8"),
        ("vtt", "text/vtt; charset=utf-8"), ("json", "application/json"),
        ("map", "application/json"), ("jsonld", "application/ld+json"),
        ("geojson", "application/geo+json"), ("ndjson", "application/x-ndjson"),
        ("webmanifest", "application/manifest+json"), ("xml", "application/xml"),
        ("xhtml", "application/xhtml+xml"), ("rss", "application/rss+xml"),
        ("atom", "application/atom+xml"), ("yaml", "application/yaml"),
        ("yml", "application/yaml"), ("toml", "application/toml"), ("sql", "application/sql"),
    ]

    private static let images: [(String, StaticString)] = [
        ("png", "image/png"), ("jpg", "image/jpeg"), ("jpeg", "image/jpeg"), ("gif", "image/gif"),
        ("webp", "image/webp"), ("avif", "image/avif"), ("svg", "image/svg+xml"),
        ("ico", "image/x-icon"), ("bmp", "image/bmp"), ("tif", "image/tiff"),
        ("tiff", "image/tiff"), ("heic", "image/heic"), ("jxl", "image/jxl"),
        ("apng", "image/apng"),
    ]

    private static let sounds: [(String, StaticString)] = [
        ("mp3", "audio/mpeg"), ("m4a", "audio/mp4"), ("aac", "audio/aac"), ("ogg", "audio/ogg"),
        ("opus", "audio/ogg"), ("flac", "audio/flac"), ("wav", "audio/wav"), ("mp4", "video/mp4"),
        ("m4v", "video/mp4"), ("webm", "video/webm"), ("ogv", "video/ogg"),
        ("mov", "video/quicktime"), ("m3u8", "application/vnd.apple.mpegurl"),
        ("mpd", "application/dash+xml"),
    ]

    private static let fonts: [(String, StaticString)] = [
        ("woff", "font/woff"), ("woff2", "font/woff2"), ("ttf", "font/ttf"), ("otf", "font/otf"),
        ("ttc", "font/collection"), ("eot", "application/vnd.ms-fontobject"),
    ]

    private static let others: [(String, StaticString)] = [
        ("pdf", "application/pdf"), ("wasm", "application/wasm"), ("zip", "application/zip"),
        ("gz", "application/gzip"), ("br", "application/octet-stream"),
        ("zst", "application/zstd"), ("tar", "application/x-tar"),
        ("7z", "application/x-7z-compressed"), ("bz2", "application/x-bzip2"),
        ("xz", "application/x-xz"), ("epub", "application/epub+zip"), ("rtf", "application/rtf"),
        ("bin", "application/octet-stream"), ("deb", "application/vnd.debian.binary-package"),
        (
            "docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        ),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ]
}
