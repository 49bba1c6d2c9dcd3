// SPDX-License-Identifier: MIT

import CLinuxShims
import CTestSupport
import Glibc
import Testing

/// One of the examples, started as a process of its own. It is killed and reaped at the latest when
/// this object goes away.
final class Program {
    /// What a process has left behind.
    struct Ending {
        /// The exit code; minus the signal's number if a signal killed it.
        let status: Int32
        let output: String
        let errorOutput: String
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let pid: pid_t
    private let output: CaptureFile
    private let errorOutput: CaptureFile
    private var input: Int32 = -1
    private var status: Int32?

    /// Starts an example; with a limit, it may have no more open descriptors than that. A script
    /// starts it by "$@" in a shell. Without `hasInput`, standard input is empty.
    init(
        _ name: String, _ arguments: [String] = [], descriptorsMax: Int? = nil,
        script: String? = nil, hasInput: Bool = false
    ) throws {
        output = try CaptureFile()
        errorOutput = try CaptureFile()
        var words = ["\(Self.folder)/\(name)"] + arguments
        let limit = descriptorsMax.map { "ulimit -n \($0); " } ?? ""
        if descriptorsMax != nil || script != nil {
            words = ["/bin/sh", "-c", limit + (script ?? "exec \"$@\""), "sh"] + words
        }
        var ends: [Int32] = [-1, -1]
        if hasInput {
            // SAFETY: the callee fills both numbers in.
            guard unsafe test_pipe_blocking(&ends) == 0 else {
                throw Failure(description: "no pipe")
            }
        }
        input = ends[1]
        defer { if ends[0] >= 0 { Glibc.close(ends[0]) } }
        pid = try Self.spawn(
            words, input: ends[0], output: output.descriptor, errorOutput: errorOutput.descriptor)
    }

    deinit {
        closeInput()
        guard status == nil else { return }
        kill(pid, SIGKILL)
        _ = waitpid(pid, nil, 0)
    }

    /// Writes to its standard input.
    func write(_ bytes: [UInt8]) throws {
        var written = 0
        while written < bytes.count {  // Ends: every turn writes or throws.
            // SAFETY: the bytes are lent for the call.
            let count = unsafe bytes[written...].withUnsafeBytes {
                unsafe millrace_write(input, $0.baseAddress, $0.count)
            }
            guard count > 0 else { throw Failure(description: "write: errno \(-count)") }
            written += Int(count)
        }
    }

    func write(_ text: String) throws {
        try write(Array(text.utf8))
    }

    /// Ends its standard input.
    func closeInput() {
        if input >= 0 { Glibc.close(input) }
        input = -1
    }

    /// How many descriptors it has open.
    var descriptorCount: Int {
        // SAFETY: NUL-terminated for the call; closed below.
        guard let folder = unsafe opendir("/proc/\(pid)/fd") else { return 0 }
        defer { unsafe closedir(folder) }  // SAFETY: opened above.
        var count = -2  // "." and ".."
        while unsafe readdir(folder) != nil { count += 1 }  // SAFETY: as above.
        return count
    }

    /// Where the build has put this test and the examples.
    private static var folder: String {
        // SAFETY: `readlink` fills in at most the capacity and says how much.
        let own = unsafe String(unsafeUninitializedCapacity: 4096) { bytes in
            // SAFETY: as above.
            unsafe bytes.withMemoryRebound(to: CChar.self) { text in
                // SAFETY: as above.
                max(0, unsafe readlink("/proc/self/exe", text.baseAddress!, text.count))
            }
        }
        return String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
    }

    private static func spawn(
        _ words: [String], input: Int32, output: Int32, errorOutput: Int32
    ) throws -> pid_t {
        // SAFETY: structures of numbers and addresses, all zero.
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        var none = sigset_t()
        var every = sigset_t()
        // SAFETY: the structures are made here, used for the call, and taken apart below.
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        unsafe sigemptyset(&none)
        unsafe sigfillset(&every)  // SAFETY: as above.
        if input >= 0 {
            unsafe posix_spawn_file_actions_adddup2(&actions, input, 0)  // SAFETY: as above.
        } else {
            // SAFETY: as above.
            unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        unsafe posix_spawn_file_actions_adddup2(&actions, output, 1)
        unsafe posix_spawn_file_actions_adddup2(&actions, errorOutput, 2)  // SAFETY: as above.
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setsigdefault(&attributes, &every)
        let flags = Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        unsafe posix_spawnattr_setflags(&attributes, flags)  // SAFETY: as above.
        var argv = unsafe words.map { unsafe strdup($0) } + [nil]  // SAFETY: freed below.
        var pid: pid_t = 0
        // SAFETY: the arguments end with nil.
        let code = unsafe posix_spawn(&pid, words[0], &actions, &attributes, &argv, environ)
        for index in unsafe argv.indices { unsafe free(argv[index]) }  // SAFETY: made by strdup.
        unsafe posix_spawnattr_destroy(&attributes)
        unsafe posix_spawn_file_actions_destroy(&actions)  // SAFETY: as above.
        guard code == 0 else { throw Failure(description: "\(words[0]): errno \(code)") }
        return pid
    }

    /// The text written to standard output so far.
    var outputText: String { output.text }

    /// The text written to standard error so far.
    var errorText: String { errorOutput.text }

    /// Sends a signal.
    func signal(_ number: Int32) {
        if status == nil { kill(pid, number) }
    }

    /// The resident memory in bytes.
    var residentByteCount: Int {
        guard let text = CaptureFile.contents(of: "/proc/\(pid)/status"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") })
        else { return 0 }
        return (Int(line.filter { $0.isNumber }) ?? 0) * 1024
    }

    /// Waits until the condition holds; an error after some seconds or when the process ends.
    func wait(
        _ what: String, seconds: Int = 10, until condition: () -> Bool
    ) throws {
        let isThere = waitBriefly(seconds: seconds) { condition() || hasEnded }
        guard isThere, condition() else {
            throw Failure(description: "waited for \(what); standard error: \(errorText)")
        }
    }

    /// Waits for the process's end.
    func end(seconds: Int = 10) throws -> Ending {
        guard waitBriefly(seconds: seconds, until: { hasEnded }), let status else {
            throw Failure(description: "did not end; standard error: \(errorText)")
        }
        return Ending(status: status, output: outputText, errorOutput: errorText)
    }

    private var hasEnded: Bool {
        if status != nil { return true }
        var word: Int32 = 0
        // SAFETY: the callee fills the word in.
        guard unsafe waitpid(pid, &word, WNOHANG) == pid else { return false }
        let signal = word & 0x7f
        status = signal == 0 ? (word >> 8) & 0xff : -signal
        return true
    }
}

/// Waits until the condition holds, at most so many seconds; whether it does.
func waitBriefly(seconds: Int, until condition: () -> Bool) -> Bool {
    let end = millrace_monotonic_nanoseconds() + UInt64(seconds) * 1_000_000_000
    while !condition() {  // Ends at the deadline.
        if millrace_monotonic_nanoseconds() >= end { return false }
        _ = poll(nil, 0, 5)
    }
    return true
}

/// A nameless file that a process writes to and this one reads.
final class CaptureFile {
    let descriptor: Int32

    init() throws {
        var path = Array("/tmp/millrace-example-XXXXXX".utf8CString)
        descriptor = unsafe mkstemp(&path)  // SAFETY: NUL-terminated and writable.
        guard descriptor >= 0 else { throw Program.Failure(description: "no temporary file") }
        unsafe unlink(path)  // SAFETY: NUL-terminated.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit {
        close(descriptor)
    }

    var text: String {
        // SAFETY: `pread` fills in at most the piece and says how much.
        unsafe Self.contents { bytes, offset in
            unsafe pread(self.descriptor, bytes.baseAddress, bytes.count, offset)
        }
    }

    static func contents(of path: String) -> String? {
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)  // SAFETY: NUL-terminated for the call.
        guard file >= 0 else { return nil }
        defer { close(file) }
        // SAFETY: as `pread` in `text`.
        return unsafe contents { bytes, _ in unsafe read(file, bytes.baseAddress, bytes.count) }
    }

    private static func contents(
        _ read: (UnsafeMutableRawBufferPointer, Int) -> Int
    ) -> String {
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {  // Ends with the file.
            // SAFETY: lent for the call.
            let count = unsafe piece.withUnsafeMutableBytes { unsafe read($0, all.count) }
            guard count > 0 else { break }
            all += piece[..<count]
        }
        return String(decoding: all, as: UTF8.self)
    }
}
