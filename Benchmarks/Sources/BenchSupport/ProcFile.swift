// SPDX-License-Identifier: MIT

internal import CBenchSupport

/// Reads the files that the kernel makes up: their size is not known before they are read.
enum ProcFile {
    /// The longest text that is read; more is cut off.
    static let byteCountMax = 1 << 24

    /// The text of a file, or nil if it cannot be read.
    static func text(_ path: String) -> String? {
        let bytes = bytes(path, capacity: byteCountMax)
        return bytes.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The first bytes of a file, or nil if it cannot be read.
    static func bytes(_ path: String, capacity: Int) -> [UInt8]? {
        var failed = false
        // SAFETY: so many bytes are initialized as are counted.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            // SAFETY: the callee writes at most `capacity` bytes.
            let result = unsafe bench_read_file(path, buffer.baseAddress, capacity)
            failed = result < 0
            count = max(0, Int(result))
        }
        return failed ? nil : bytes
    }

    /// Where a symbolic link leads, or nil.
    static func link(_ path: String) -> String? {
        var failed = false
        // SAFETY: as above.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            // SAFETY: the callee writes at most as many bytes as there are.
            let result = unsafe bench_read_link(path, buffer.baseAddress, buffer.count)
            failed = result < 0
            count = max(0, Int(result))
        }
        return failed ? nil : String(decoding: bytes, as: UTF8.self)
    }
}
