// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// The entity tag of a file: its inode, size and time of change, in hexadecimal.
enum FileTag {
    /// A change within the kernel's clock tick and of the same length does not show in the time, so
    /// a file that was changed within the last two seconds has a weak tag.
    static let settledSeconds: Int64 = 2

    /// The tag of a file at a time.
    static func make(_ info: millrace_file_info, nowSeconds: Int64) -> EntityTag? {
        let time = info.modified_seconds &* 1_000_000_000 &+ Int64(info.modified_nanoseconds)
        let text =
            String(info.inode, radix: 16) + "-" + String(info.byte_count, radix: 16) + "-"
            + String(UInt64(bitPattern: time), radix: 16)
        let isFresh = info.modified_seconds > nowSeconds &- settledSeconds
        return EntityTag(text, isWeak: isFresh)
    }
}
