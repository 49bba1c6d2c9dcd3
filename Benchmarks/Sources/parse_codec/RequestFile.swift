// SPDX-License-Identifier: MIT

internal import ArgumentParser
internal import Glibc

/// The request that is parsed.
enum RequestFile {
    /// All bytes of a file, at most 64 KiB.
    static func bytes(at path: String) throws -> [UInt8] {
        // SAFETY: closed below; as many bytes are read as there is room.
        guard let file = unsafe fopen(path, "rb") else {
            throw ValidationError("cannot read \(path)")
        }
        defer { unsafe fclose(file) }  // SAFETY: opened above.
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = unsafe fread(&bytes, 1, bytes.count, file)  // SAFETY: as above.
        guard count > 0, count < bytes.count else {
            throw ValidationError("\(path) is empty or too long")
        }
        return Array(bytes[..<count])
    }
}
