// SPDX-License-Identifier: MIT

import CLinuxShims
import ExampleSupport
import Glibc
import Testing

@Suite("Output files")
struct OutputFileTests {
    @Test("What is written arrives, in order, also through a small buffer")
    func contents() throws {
        // If this failed, results would be lost or mixed up.
        let path = temporaryPath("contents")
        defer { remove(path) }
        let file = try OutputFile(path, bufferByteCount: 8)
        var expected = ""
        for number in 0..<100 {
            try file.writeLine("\(number)")
            expected += "\(number)\n"
        }
        try file.write("no line's end")
        try file.write([UInt8(ascii: "!")])
        try file.close()
        try file.close()
        #expect(read(path) == expected + "no line's end!")
    }

    @Test("Nothing is written before the buffer is full, and all of it by a flush")
    func buffering() throws {
        // If this failed, every line would cost a system call, or a flush would leave some behind.
        let path = temporaryPath("buffering")
        defer { remove(path) }
        let file = try OutputFile(path, bufferByteCount: 100)
        try file.write("abc")
        #expect(read(path) == "")
        try file.flush()
        #expect(read(path) == "abc")
        try file.close()
    }

    @Test("A file that cannot be opened says why")
    func opening() {
        // If this failed, a wrong path would not be explained.
        let error = #expect(throws: OutputFile.Failure.self) {
            try OutputFile("/nonexistent/folder/file")
        }
        #expect(
            error?.description == "cannot open /nonexistent/folder/file: No such file or directory")
    }

    @Test("A full disk is an error, and stays one")
    func fullDisk() throws {
        // If this failed, a command would claim to have written what is lost.
        let file = try OutputFile("/dev/full", bufferByteCount: 4)
        let first = #expect(throws: OutputFile.Failure.self) { try file.write("12345") }
        #expect(first?.description == "cannot write to /dev/full: No space left on device")
        #expect(throws: OutputFile.Failure.self) { try file.write("6") }
        #expect(throws: OutputFile.Failure.self) { try file.close() }
    }

    @Test("A full disk is told by close when the buffer was never full")
    func fullDiskAtClose() throws {
        // If this failed, short results would be lost without a word.
        let file = try OutputFile("/dev/full")
        try file.write("12345")
        let error = #expect(throws: OutputFile.Failure.self) { try file.close() }
        #expect(error?.code == ENOSPC)
    }

    @Test("A pipe without a reader is an error and no signal")
    func brokenPipe() throws {
        // If this failed, '| head' would kill the command.
        var ends: [Int32] = [-1, -1]
        // SAFETY: room for two descriptors.
        let status = unsafe ends.withUnsafeMutableBufferPointer { unsafe pipe($0.baseAddress!) }
        try #require(status == 0)
        let file = try OutputFile("/proc/self/fd/\(ends[1])", bufferByteCount: 1)
        _ = millrace_close(ends[0])
        defer { _ = millrace_close(ends[1]) }
        let error = #expect(throws: OutputFile.Failure.self) { try file.write("x") }
        #expect(error?.isBrokenPipe == true)
    }

    private func temporaryPath(_ name: String) -> String {
        "/tmp/millrace-output-\(getpid())-\(name)"
    }

    private func remove(_ path: String) {
        _ = unsafe unlink(path)  // SAFETY: the path is NUL-terminated for the call.
    }

    private func read(_ path: String) -> String? {
        // SAFETY: the path is NUL-terminated for the call.
        let descriptor = unsafe open(path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { _ = millrace_close(descriptor) }
        // SAFETY: `read` fills in at most the capacity and says how much.
        return unsafe String(unsafeUninitializedCapacity: 4096) { bytes in
            max(0, Int(unsafe millrace_read(descriptor, bytes.baseAddress, bytes.count)))
        }
    }
}
