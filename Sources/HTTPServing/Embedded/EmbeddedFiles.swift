// SPDX-License-Identifier: MIT

internal import HTTP1Codec

/// Answers requests with files that are held in the program: nothing has to be installed beside
/// it, and no disk is read.
///
/// As `StaticFiles` does for a folder: conditional requests (RFC 9110, section 13), ranges
/// (section 14), the coding that a client prefers among those that a file is there in, and a
/// redirection from a folder's name to the one with a slash. Entity tags are strong, computed once.
///
/// ```swift
/// let site = try EmbeddedFiles([
///     EmbeddedFile("index.html", PackageResources.index_html),
///     EmbeddedFile("css/site.css", PackageResources.site_css),
/// ])
/// try routes.files("/site", site)
/// try routes.get("/") { request in try site.respond(to: request, name: "index.html") }
/// ```
///
/// | Guarantee | `respond`                                                                   |
/// |-----------|-----------------------------------------------------------------------------|
/// | Cost      | O(path) for the file; the bytes of a whole file are shared, not copied       |
/// | Memory    | the bytes that were given, once                                             |
/// | Threads   | any number at a time                                                        |
public final class EmbeddedFiles: Sendable {
    /// A file in each coding that it is there in; identity is the last.
    private struct Entry: Sendable {
        let representations: [Representation]
        let codings: ContentCodings
    }

    private let entries: [[UInt8]: Entry]
    /// The names in front of slashes.
    private let folders: Set<[UInt8]>
    private let indexFiles: [[UInt8]]

    /// A set of files.
    ///
    /// - Parameters:
    ///   - files: what is served, each by its name.
    ///   - indexFiles: what is looked for when a path names a folder, in this order.
    ///   - cacheControl: what `Cache-Control` says; nil leaves it out.
    public init(
        _ files: [EmbeddedFile], indexFiles: [String] = ["index.html"],
        cacheControl: String? = nil
    ) throws(EmbeddedFileError) {
        var entries: [[UInt8]: Entry] = [:]
        var folders: Set<[UInt8]> = []
        for file in files {
            let name = Array(file.name.utf8)
            guard Self.isServable(name) else { throw .badName(file.name) }
            guard entries[name] == nil else { throw .duplicateName(file.name) }
            entries[name] = try Self.entry(file, cacheControl)
            for index in name.indices where name[index] == 0x2F {
                folders.insert(Array(name[..<index]))
            }
        }
        for file in files where folders.contains(Array(file.name.utf8)) {
            throw .duplicateName(file.name)
        }
        self.entries = entries
        self.folders = folders
        self.indexFiles = indexFiles.map { Array($0.utf8) }
    }

    /// Whether `FilePathMapping` makes this name out of some path.
    private static func isServable(_ name: [UInt8]) -> Bool {
        var encoded: [UInt8] = []
        // A percent sign in a name is not the beginning of an escape.
        for byte in name { encoded += byte == 0x25 ? Array("%25".utf8) : [byte] }
        var mapped: [UInt8] = []
        let isFolder = try? FilePathMapping.map(encoded.span, hidden: .served, to: &mapped)
        return isFolder == false && mapped == name
    }

    private static func entry(
        _ file: EmbeddedFile, _ cacheControl: String?
    ) throws(EmbeddedFileError) -> Entry {
        let type = file.mediaType
        var line = FieldLines()
        line.add("Content-Type", type)
        guard !type.isEmpty, line.fault == nil else { throw .badType(file.name) }
        let variants = file.variants + [(.identity, file.bytes)]
        var codings: ContentCodings = []
        for variant in variants { codings.insert(ContentCodings(variant.coding)) }
        let representations = variants.map { coding, bytes in
            let validators = Validators(
                entityTag: ContentTag.make(bytes.span, coding),
                lastModifiedSeconds: file.lastModifiedSeconds)
            return Representation(
                bytes, validators, mediaType: type, coding, varies: variants.count > 1,
                cacheControl: cacheControl)
        }
        return Entry(representations: representations, codings: codings)
    }

    /// The answer to a GET or HEAD request for the file that a route's wildcard names.
    public func respond(
        to request: ServerRequest, wildcard: String = "path"
    ) throws(HTTPFailure) -> ServerResponse {
        guard let range = request.parameterRange(wildcard) else { throw HTTPFailure(500) }
        let path = request.pathBytes[range]
        var name: [UInt8] = []
        let isFolder: Bool
        do throws(FilePathMapping.Fault) {
            isFolder = try FilePathMapping.map(path.span, hidden: .served, to: &name)
        } catch {
            throw HTTPFailure(error == .malformed ? 400 : 404)
        }
        if !isFolder {
            if folders.contains(name) { return .redirect(toFolder: request) }
            return try answer(request, name)
        }
        let folder = path.isEmpty ? [] : name + [0x2F]
        for index in indexFiles where entries[folder + index] != nil {
            return try answer(request, folder + index)
        }
        throw HTTPFailure(404)
    }

    /// The answer to a GET or HEAD request with the file of this name, whatever the path is.
    public func respond(
        to request: ServerRequest, name: String
    ) throws(HTTPFailure) -> ServerResponse {
        try answer(request, Array(name.utf8))
    }

    private func answer(
        _ request: ServerRequest, _ name: [UInt8]
    ) throws(HTTPFailure) -> ServerResponse {
        guard let entry = entries[name] else { throw HTTPFailure(404) }
        guard let coding = request.acceptedCodings.choose(from: entry.codings),
            let representation = entry.representations.first(where: { $0.coding == coding })
        else { throw HTTPFailure(406) }
        return try representation.respond(to: request)
    }
}

extension HTTPRoutes {
    /// Serves embedded files for GET and HEAD, under a prefix without a slash at its end.
    public mutating func files(_ prefix: String, _ files: EmbeddedFiles) throws(RouteError) {
        try get(prefix + "/*path") { request in try files.respond(to: request) }
    }
}
