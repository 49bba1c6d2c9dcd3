// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import Testing

@testable import HTTPServing

/// A folder of its own that is removed with everything in it.
final class TemporaryFolder {
    let path: String
    private var names: [String] = []

    init() {
        var template = Array("/tmp/millrace-files-XXXXXX".utf8CString)
        // SAFETY: NUL-terminated, written in place.
        guard let made = unsafe mkdtemp(&template) else { preconditionFailure("no folder") }
        path = unsafe String(cString: made)
    }

    private func made(_ name: String) -> String {
        names.append(name)
        return "\(path)/\(name)"
    }

    /// Dates a file back: one that has just changed has a weak tag.
    func settle(_ name: String) {
        let time = timespec(tv_sec: 1_700_000_000, tv_nsec: 5)
        // SAFETY: a path and two times for the call.
        _ = unsafe utimensat(AT_FDCWD, "\(path)/\(name)", [time, time], 0)
    }

    /// Somebody else makes this file.
    func forget(_ name: String) { names.append(name) }

    func write(_ name: String, _ content: String) {
        let file = unsafe fopen(made(name), "w")  // SAFETY: closed below.
        guard let file = unsafe file else { preconditionFailure(name) }
        unsafe fputs(content, file)  // SAFETY: open.
        unsafe fclose(file)
    }

    func folder(_ name: String) {
        _ = unsafe mkdir(made(name), 0o755)  // SAFETY: a path for the call.
    }

    func link(_ name: String, to target: String) {
        _ = unsafe symlink(target, made(name))  // SAFETY: paths for the call.
    }

    func pipe(_ name: String) {
        _ = unsafe mkfifo(made(name), 0o644)  // SAFETY: a path for the call.
    }

    deinit {
        for name in names.reversed() {
            _ = unsafe remove("\(path)/\(name)")  // SAFETY: a path for the call.
        }
        _ = unsafe remove(path)  // SAFETY: as above.
    }
}

@Suite("Paths of files")
struct FilePathTests {
    private func map(
        _ path: String, _ hidden: HiddenFiles = .wellKnown
    ) throws(FilePathMapping.Fault) -> String {
        var output: [UInt8] = []
        let path = bytes(path)
        let isFolder = try FilePathMapping.map(path.span, hidden: hidden, to: &output)
        return text(output) + (isFolder ? " folder" : "")
    }

    @Test("Paths below the root")
    func fine() throws {
        // If this failed, files would be looked for under wrong names.
        #expect(try map("a/b.txt") == "a/b.txt")
        #expect(try map("") == ". folder")
        #expect(try map("a/") == "a folder")
        #expect(try map("a/b/") == "a/b folder")
        #expect(try map("a%20b/%C3%A4") == "a b/\u{E4}")
        #expect(try map("a..b/c.") == "a..b/c.")
        #expect(try map(".well-known/acme") == ".well-known/acme")
        #expect(try map(String(repeating: "n", count: 255)).count == 255)
    }

    @Test(
        "Paths that would leave it, in every spelling",
        arguments: [
            "..", "../etc/passwd", "a/../b", "%2e%2e/a", ".%2E/a", "a/%2e%2e", ".", "a/./b", "%2e",
            "a%2Fb", "a%2f..%2f..", "..%2fetc", "a\\b", "..\\..\\b", "a%5Cb", "%5c", "a%00.html",
            "%00", "a\0", "a//b", "/etc/passwd", "//etc/passwd", "///", "//", "/", "/a", "a//",
            "%2Fetc", "a%", "a%2", "a%g0",
            "a%0Ab", "a\u{7F}", "a%7F", "%2e%2e%2f", "a/..", "a/../",
        ])
    func hostile(_ path: String) {
        // If this failed, a request could read any file of the machine.
        for hidden in [HiddenFiles.served, .refused, .wellKnown] {
            #expect(
                failure { () throws(FilePathMapping.Fault) in try map(path, hidden) } == .malformed)
        }
    }

    @Test("Hidden names")
    func hidden() throws {
        // If this failed, `.git` or `.env` would be published.
        for path in [".env", "a/.git/config", "%2eenv", ".a/"] {
            #expect(
                failure { () throws(FilePathMapping.Fault) in try map(path, .refused) } == .hidden)
            #expect(
                failure { () throws(FilePathMapping.Fault) in try map(path, .wellKnown) } == .hidden
            )
            #expect(
                failure { () throws(FilePathMapping.Fault) in try map(path, .served) } == nil)
        }
        for path in ["a/.well-known", ".well-known/.git", ".well-knownx"] {
            #expect(
                failure { () throws(FilePathMapping.Fault) in try map(path) } == .hidden, "\(path)")
        }
        #expect(
            failure { () throws(FilePathMapping.Fault) in try map(".well-known/a", .refused) }
                == .hidden)
    }

    @Test("Names and paths that no file system has")
    func lengths() {
        // If this failed, the kernel would be asked with a path that it cuts.
        let name = String(repeating: "n", count: 256)
        #expect(failure { () throws(FilePathMapping.Fault) in try map(name) } == .tooLong)
        let deep = (0..<2048).map { _ in "a" }.joined(separator: "/")
        #expect(failure { () throws(FilePathMapping.Fault) in try map(deep) } == nil)
        #expect(failure { () throws(FilePathMapping.Fault) in try map(deep + "/a") } == .tooLong)
        let encoded = String(repeating: "%61", count: 256)
        #expect(failure { () throws(FilePathMapping.Fault) in try map(encoded) } == .tooLong)
    }
}

@Suite("Files below a folder")
struct FileRootTests {
    private let folder = TemporaryFolder()

    /// "content|type|coding|varies" or the error.
    private func get(
        _ path: String, accept: String? = nil, _ change: (inout FileRootOptions) -> Void = { _ in }
    ) -> String {
        var options = FileRootOptions()
        change(&options)
        var codings = AcceptedCodings()
        if let accept { codings.add(bytes(accept).span) }
        do throws(FileError) {
            let root = try FileRoot(folder.path + "/served", options)
            let path = bytes(path)
            let file = try root.open(path.span, accepting: codings, nowSeconds: .max)
            var content = [UInt8](repeating: 0, count: Int(file.byteCount))
            // SAFETY: lent for the call.
            let count = unsafe content.withUnsafeMutableBytes {
                // SAFETY: written within its bounds.
                unsafe millrace_file_read(file.descriptor, $0.baseAddress, $0.count, 0)
            }
            precondition(count == content.count)
            return "\(text(content))|\(file.mediaType)|\(file.coding.name)|\(file.varies)"
        } catch {
            return "\(error)"
        }
    }

    init() {
        folder.folder("served")
        folder.folder("served/sub")
        folder.folder("served/empty")
        folder.folder("outside")
        folder.write("outside/secret.txt", "secret")
        folder.write("served/a.html", "page")
        folder.write("served/index.html", "index")
        folder.write("served/sub/index.htm", "sub")
        folder.write("served/b.css", "plain")
        folder.write("served/b.css.br", "brotli")
        folder.write("served/b.css.gz", "gzip")
        folder.link("served/inside", to: "a.html")
        folder.link("served/out", to: "../outside/secret.txt")
        folder.link("served/outfolder", to: "../outside")
        folder.link("served/absolute", to: "/etc/passwd")
        folder.link("served/loop", to: "loop")
        folder.pipe("served/pipe")
    }

    @Test("Files, folders and index files")
    func files() {
        // If this failed, a site would not be served as it lies in its folder.
        #expect(get("a.html") == "page|text/html; charset=utf-8|identity|false")
        #expect(get("") == "index|text/html; charset=utf-8|identity|false")
        #expect(get("sub") == "isFolder")
        #expect(get("sub/") == "notFound")
        #expect(
            get("sub/") { $0.indexFiles = ["index.html", "index.htm"] }
                == "sub|text/html; charset=utf-8|identity|false")
        #expect(get("empty/") == "notFound")
        #expect(get("none") == "notFound")
        #expect(get("a.html/") == "notFound")
        #expect(get("a.html/b") == "notFound")
        #expect(get("pipe") == "notFound")
        #expect(get("../outside/secret.txt") == "malformedPath")
    }

    @Test("Links: refused, or followed as long as they stay below")
    func links() {
        // If this failed, a link in the folder would publish the rest of the machine.
        for name in ["inside", "out", "outfolder/secret.txt", "absolute", "loop"] {
            #expect(get(name) == "notFound", "\(name)")
        }
        #expect(
            get("inside") { $0.followsLinks = true }
                == "page|application/octet-stream|identity|false")
        for name in ["out", "outfolder/secret.txt", "outfolder/", "absolute", "loop"] {
            #expect(get(name) { $0.followsLinks = true } == "notFound", "\(name)")
        }
    }

    @Test("The walk without openat2 refuses the same")
    func walk() {
        // If this failed, an older kernel would serve what a newer one refuses.
        func opens(_ path: String) -> Bool {
            // SAFETY: paths for the calls.
            let root = unsafe millrace_folder_open(folder.path + "/served")
            let opened = unsafe millrace_file_open_walking(root, path)
            _ = millrace_close(root)
            if opened >= 0 { _ = millrace_close(opened) }
            return opened >= 0
        }
        for path in ["a.html", "sub/index.htm", "sub", "."] { #expect(opens(path), "\(path)") }
        for path in [
            "../outside/secret.txt", "sub/../a.html", "/etc/passwd", "inside", "out",
            "outfolder/secret.txt", "", "a//b", "none", "a.html/x", "..", "sub/..",
            "./a.html",
        ] {
            #expect(!opens(path), "\(path)")
        }
    }

    @Test("Files compressed beforehand")
    func precompressed() {
        // If this failed, a client would get a coding that it did not ask for.
        let both: (inout FileRootOptions) -> Void = { $0.precompressed = [.br, .gzip] }
        let type = "text/css; charset=utf-8"
        #expect(get("b.css", accept: "br, gzip") == "plain|\(type)|identity|false")
        #expect(get("b.css", accept: "br, gzip", both) == "brotli|\(type)|br|true")
        #expect(get("b.css", accept: "gzip", both) == "gzip|\(type)|gzip|true")
        #expect(get("b.css", accept: "gzip, br;q=0", both) == "gzip|\(type)|gzip|true")
        #expect(get("b.css", both) == "plain|\(type)|identity|true")
        #expect(get("a.html", accept: "br", both).hasPrefix("page|"))
        #expect(get("a.html", accept: "br, identity;q=0", both) == "notAcceptable")
        #expect(get("none", accept: "br, identity;q=0", both) == "notFound")
    }

    @Test("Tags change with the file, and are weak while it may still change")
    func tags() throws {
        // If this failed, a client would keep what has changed.
        let root = try FileRoot(folder.path + "/served")
        let path = bytes("a.html")
        func validators(now: Int64) throws(FileError) -> Validators {
            try root.open(path.span, accepting: AcceptedCodings(), nowSeconds: now).validators
        }
        let before = try validators(now: .max)
        #expect(before.entityTag?.isWeak == false)
        let changed = try #require(before.lastModifiedSeconds)
        #expect(try validators(now: changed).entityTag?.isWeak == true)
        #expect(try validators(now: changed + 2).entityTag == before.entityTag)
        folder.write("served/a.html", "other page")
        #expect(try validators(now: .max).entityTag != before.entityTag)
    }

    @Test("A root that is no folder")
    func noFolder() {
        // If this failed, a misspelt root would serve nothing and say nothing.
        for path in ["/nonexistent", folder.path + "/served/a.html"] {
            do throws(FileError) {
                let root = try FileRoot(path)
                _ = consume root
                Issue.record("\(path) was opened")
            } catch {
                #expect(error == .notFound)
            }
        }
    }

    @Test("A descriptor that is taken stays open")
    func descriptors() throws {
        // If this failed, a file would be closed while it is sent, or never.
        let root = try FileRoot(folder.path + "/served")
        let path = bytes("a.html")
        let file = try root.open(path.span, accepting: AcceptedCodings(), nowSeconds: 0)
        let taken = file.takeDescriptor()
        #expect(millrace_descriptor_flags(taken) == 1)
        _ = millrace_close(taken)
        let other = try root.open(path.span, accepting: AcceptedCodings(), nowSeconds: 0)
        let number = other.descriptor
        _ = consume other
        #expect(millrace_descriptor_flags(number) < 0)
    }
}
