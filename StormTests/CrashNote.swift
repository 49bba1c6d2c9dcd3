// SPDX-License-Identifier: MIT

internal import Glibc

/// Says which seeds were under way when the program crashes: an assertion of client, server or loop
/// that fails ends it there and then.
enum CrashNote {
    private static let jobsMax = 64
    private static let lineByteCount = 48

    /// A line for each job. SAFETY: each is written by its own job, and read at the end.
    nonisolated(unsafe) private static let lines: UnsafeMutableRawBufferPointer = {
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: jobsMax * lineByteCount, alignment: 16)
        // SAFETY: just allocated, and never freed.
        unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
        return unsafe memory  // SAFETY: as above.
    }()

    /// From here on a crash tells what is under way.
    static func install() {
        _ = unsafe lines  // SAFETY: made here, and not in the handler.
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT] {
            _ = signal(number, handle)
        }
    }

    /// A job begins with something.
    static func begin(job: Int, _ what: String) {
        let text = Array("    under way: \(what)".utf8.prefix(lineByteCount - 1)) + [10]
        // SAFETY: the line of this job, within the memory.
        unsafe UnsafeMutableRawBufferPointer(
            rebasing: lines[job * lineByteCount..<job * lineByteCount + text.count]
        ).copyBytes(from: text)
        for index in text.count..<lineByteCount {
            unsafe lines[job * lineByteCount + index] = 0  // SAFETY: as above.
        }
    }

    /// The job has ended it.
    static func end(job: Int) {
        unsafe lines[job * lineByteCount] = 0  // SAFETY: the line of this job.
    }

    /// Only what signal-safety(7) allows.
    private static let handle: @convention(c) (Int32) -> Void = { number in
        for job in 0..<jobsMax {
            let start = job * lineByteCount
            var count = 0
            // SAFETY: within the memory, here and below.
            while count < lineByteCount, unsafe lines[start + count] != 0 { count += 1 }
            guard count > 0, let base = unsafe lines.baseAddress else { continue }
            _ = unsafe write(2, base + start, count)  // SAFETY: as above.
        }
        _ = signal(number, SIG_DFL)
        _ = raise(number)
    }
}
