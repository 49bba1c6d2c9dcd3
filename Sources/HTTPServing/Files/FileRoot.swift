// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// A folder whose files are served.
///
/// A request never leaves it: its path is checked (`FilePathMapping`), and the kernel resolves it
/// beneath the folder's descriptor (openat2(2), `RESOLVE_BENEATH`), which also holds against links
/// and against folders that are moved meanwhile. Only regular files are served.
///
/// | Guarantee | `open`                                                                          |
/// |-----------|---------------------------------------------------------------------------------|
/// | Progress  | blocking: a few system calls on the file system; give it to a blocking pool      |
/// | Cost      | two calls for a file, two more for each index file or coding that is tried       |
/// | Threads   | any number at a time                                                            |
public struct FileRoot: ~Copyable, Sendable {
    private let descriptor: Int32
    private let options: FileRootOptions

    /// Opens the folder, whose own path may have links.
    public init(
        _ path: String, _ options: FileRootOptions = FileRootOptions()
    ) throws(FileError) {
        // SAFETY: NUL-terminated, lent for the call.
        let opened = unsafe path.withCString { unsafe millrace_folder_open($0) }
        if opened < 0 { throw Self.error(opened) }
        for name in options.indexFiles {
            precondition(
                !name.isEmpty && !name.utf8.contains(0x2F) && !name.utf8.contains(0),
                "an index file is a name without slashes")
        }
        self.descriptor = opened
        self.options = options
    }

    deinit { _ = millrace_close(descriptor) }

    /// Opens the file that a URL's path names: what a router's wildcard took, percent-encoded,
    /// without a slash at its beginning. The time, in seconds since 1970 and nanoseconds, tells
    /// whether a file has changed so lately that its tag must be weak.
    public func open(
        _ path: Span<UInt8>, accepting codings: AcceptedCodings, nowSeconds: Int64,
        nanoseconds: Int64 = 0
    ) throws(FileError) -> ServedFile {
        let (whole, isBeyond) = nowSeconds.multipliedReportingOverflow(by: 1_000_000_000)
        let now = isBeyond ? .max : whole &+ nanoseconds
        var name: [UInt8] = []
        name.reserveCapacity(path.count + 32)
        let isFolder: Bool
        do throws(FilePathMapping.Fault) {
            isFolder = try FilePathMapping.map(path, hidden: options.hiddenFiles, to: &name)
        } catch {
            throw error == .malformed ? .malformedPath : .notFound
        }
        if !isFolder { return try open(name, codings, now) }
        for index in options.indexFiles {
            do throws(FileError) {
                return try open(name + [0x2F] + index.utf8, codings, now)
            } catch {
                // A folder of that name is no index file.
                if error != .notFound, error != .isFolder { throw error }
            }
        }
        throw .notFound
    }

    /// The best coding that is there, or the file itself.
    private func open(
        _ name: [UInt8], _ codings: AcceptedCodings, _ now: Int64
    ) throws(FileError) -> ServedFile {
        var offered = options.precompressed.intersection([.br, .gzip])
        let varies = !offered.isEmpty
        while let coding = codings.choose(from: offered.union(.identity)), coding != .identity {
            let suffix = coding == .br ? ".br" : ".gz"
            offered.remove(ContentCodings(coding))  // Ends: each is tried once.
            do throws(FileError) {
                return try openCoded(name + suffix.utf8, name, coding, varies, now)
            } catch {
                if error != .notFound, error != .isFolder { throw error }
            }
        }
        let plain = try openCoded(name, name, .identity, varies, now)
        if codings.quality(of: .identity) == 0 { throw .notAcceptable }
        return plain
    }

    private func openCoded(
        _ file: [UInt8], _ name: [UInt8], _ coding: ContentCoding, _ varies: Bool,
        _ now: Int64
    ) throws(FileError) -> ServedFile {
        guard file.count <= FilePathMapping.byteCountMax else { throw .notFound }
        let path = file + [0]
        // SAFETY: NUL-terminated, lent for the call.
        let opened = unsafe path.withUnsafeBufferPointer { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) {
                unsafe millrace_file_open_beneath(
                    descriptor, $0.baseAddress, options.followsLinks)
            }
        }
        if opened < 0 { throw Self.error(opened) }
        var info = millrace_file_info()
        let status = unsafe millrace_file_info(opened, &info)  // SAFETY: filled in the call.
        if status < 0 || info.kind != UInt32(MILLRACE_FILE_REGULAR) {
            _ = millrace_close(opened)
            if status < 0 { throw Self.error(status) }
            throw info.kind == UInt32(MILLRACE_FILE_FOLDER) ? .isFolder : .notFound
        }
        let validators = Validators(
            entityTag: FileTag.make(info, nowNanoseconds: now),
            lastModifiedSeconds: info.modified_seconds)
        return ServedFile(
            descriptor: opened, byteCount: info.byte_count, validators: validators,
            mediaType: MediaTypes.type(forPath: name.span), coding: coding, varies: varies)
    }

    /// What a negated errno means to a client. That a link leads out is not told.
    private static func error(_ status: Int32) -> FileError {
        switch Int(-status) {
        case MILLRACE_ENOENT, MILLRACE_ENOTDIR, MILLRACE_ELOOP, MILLRACE_EXDEV,
            MILLRACE_ENAMETOOLONG:
            .notFound
        case MILLRACE_EACCES, MILLRACE_EPERM: .forbidden
        case MILLRACE_EMFILE, MILLRACE_ENFILE, MILLRACE_ENOMEM: .exhausted(errno: -status)
        default: .failed(errno: -status)
        }
    }
}
