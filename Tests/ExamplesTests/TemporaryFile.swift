// SPDX-License-Identifier: MIT

import Glibc

/// A file with bytes that say where they belong; removed with this object.
final class TemporaryFile {
    let path: String
    /// The name without the folder.
    var name: String { String(path.dropFirst("/tmp/".count)) }

    init(byteCount: Int) throws {
        var template = Array("/tmp/millrace-example-XXXXXX".utf8CString)
        let descriptor = unsafe mkstemp(&template)  // SAFETY: NUL-terminated and writable.
        guard descriptor >= 0 else { throw Program.Failure(description: "no temporary file") }
        close(descriptor)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try replace((0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
    }

    deinit { unsafe unlink(path) }  // SAFETY: NUL-terminated for the call.

    /// Writes other bytes.
    func replace(_ bytes: [UInt8]) throws {
        let file = unsafe fopen(path, "w")  // SAFETY: closed below.
        guard let file = unsafe file else { throw Program.Failure(description: path) }
        let count = unsafe fwrite(bytes, 1, bytes.count, file)  // SAFETY: lent for the call.
        unsafe fclose(file)  // SAFETY: opened above.
        if count != bytes.count { throw Program.Failure(description: "a short file") }
    }

    /// What it holds now.
    var bytes: [UInt8] {
        let file = unsafe fopen(path, "r")  // SAFETY: closed below.
        guard let file = unsafe file else { return [] }
        defer { unsafe fclose(file) }  // SAFETY: opened above.
        // SAFETY: the callee fills in at most the capacity.
        return unsafe [UInt8](unsafeUninitializedCapacity: 1 << 23) { bytes, count in
            count = unsafe fread(bytes.baseAddress, 1, 1 << 23, file)  // SAFETY: as above.
        }
    }
}
