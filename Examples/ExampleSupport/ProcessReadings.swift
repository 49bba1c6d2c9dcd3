// SPDX-License-Identifier: MIT

internal import Glibc

/// What this process holds, as the kernel tells it. proc(5).
public struct ProcessReadings: Sendable {
    /// Memory that is in use now; zero if it could not be read.
    public let residentByteCount: UInt64
    /// The most memory that was in use.
    public let residentByteCountPeak: UInt64
    /// How many descriptors are open.
    public let openDescriptorCount: Int

    /// The readings of this moment.
    public static func now() -> ProcessReadings {
        let status = contents(of: "/proc/self/status")
        return ProcessReadings(
            residentByteCount: kibibytes(of: "VmRSS:", in: status) * 1024,
            residentByteCountPeak: kibibytes(of: "VmHWM:", in: status) * 1024,
            openDescriptorCount: countDescriptors())
    }

    /// "12.3 MiB resident (peak 14.0 MiB), 9 descriptors"
    public var summary: String {
        let now = NumberText.byteCount(residentByteCount)
        let peak = NumberText.byteCount(residentByteCountPeak)
        let descriptors = NumberText.count(openDescriptorCount, "descriptor", "descriptors")
        return "\(now) resident (peak \(peak)), \(descriptors)"
    }

    private static func kibibytes(of field: String, in status: String) -> UInt64 {
        for line in status.split(separator: "\n") where line.hasPrefix(field) {
            return UInt64(line.drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0
        }
        return 0
    }

    /// The first 16 KiB of a file; empty if it cannot be read.
    private static func contents(of path: String) -> String {
        // SAFETY: the path is NUL-terminated for the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        // SAFETY: `read` fills in at most the capacity and says how much.
        return unsafe String(unsafeUninitializedCapacity: 16_384) { bytes in
            max(0, unsafe read(descriptor, bytes.baseAddress, bytes.count))
        }
    }

    private static func countDescriptors() -> Int {
        // SAFETY: a literal path; closed below.
        guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(folder) }  // SAFETY: opened above.
        var count = 0
        // SAFETY: as above. Ends with the folder.
        while unsafe readdir(folder) != nil { count += 1 }
        // Without "." and "..", and without the one that reads the folder.
        return max(0, count - 3)
    }
}
