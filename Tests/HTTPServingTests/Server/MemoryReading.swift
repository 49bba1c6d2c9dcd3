// SPDX-License-Identifier: MIT

import Glibc

/// What this process holds; other tests count too, so who reads it runs in a process of its own.
enum MemoryReading {
    /// Resident memory in bytes.
    static var resident: Int {
        let file = unsafe fopen("/proc/self/statm", "r")  // SAFETY: closed below.
        guard let file = unsafe file else { return 0 }
        defer { unsafe fclose(file) }  // SAFETY: opened above.
        // SAFETY: the callee fills in at most the capacity.
        let line = unsafe [UInt8](unsafeUninitializedCapacity: 200) { bytes, count in
            count = unsafe fread(bytes.baseAddress, 1, 200, file)  // SAFETY: as above.
        }
        let words = text(line).split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * 4096 : 0
    }
}
