// SPDX-License-Identifier: MIT

internal import CLinuxShims

/// The entity tag of a file: its inode, size and time of change in nanoseconds, in hexadecimal.
enum FileTag {
    // A strong tag must change with the bytes (RFC 9110, section 8.8.1). The kernel stamps a change
    // with the time of its last clock tick, at most 10 ms ago: two changes within one tick and of
    // the same length cannot be told apart, and the second may still come. Two ticks after the time
    // of change, it can no longer. nginx and Caddy never wait, Apache waits a second; what none of
    // them sees is a program that changes the file through a mapping.

    /// Two ticks of the slowest clock that Linux is built with.
    static var tickNanoseconds: Int64 { 20_000_000 }
    /// For a file whose time has no fraction: its file system may keep whole seconds, or every
    /// other one, as FAT does.
    static var coarseNanoseconds: Int64 { 2_000_000_000 }

    /// The tag of a file at a time; a weak one while the file may still change unseen.
    static func make(_ info: millrace_file_info, nowNanoseconds: Int64) -> EntityTag? {
        let time = info.modified_seconds &* 1_000_000_000 &+ Int64(info.modified_nanoseconds)
        let text =
            String(info.inode, radix: 16) + "-" + String(info.byte_count, radix: 16) + "-"
            + String(UInt64(bitPattern: time), radix: 16)
        let settling = info.modified_nanoseconds == 0 ? coarseNanoseconds : tickNanoseconds
        return EntityTag(text, isWeak: time > nowNanoseconds &- settling)
    }
}
