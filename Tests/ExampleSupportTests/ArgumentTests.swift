// SPDX-License-Identifier: MIT

import EventLoops
import ExampleSupport
import Networking
import Testing

@Suite("Arguments and numbers")
struct ArgumentTests {
    @Test("Each backend's written name chooses that backend")
    func backends() {
        // If this failed, a command would run on another backend than was asked for.
        #expect(BackendArgument(rawValue: "auto")?.choice == .automatic)
        #expect(BackendArgument(rawValue: "io_uring")?.choice == .ioUring)
        #expect(BackendArgument(rawValue: "epoll")?.choice == .epoll)
        #expect(BackendArgument(rawValue: "kqueue") == nil)
    }

    @Test("Addresses are read as they are written")
    func endpoints() throws {
        // If this failed, a command would go to another place, or refuse a right one.
        for text in ["127.0.0.1:80", "[::1]:0", "example.org:443", "unix:/tmp/a:b"] {
            #expect(try EndpointArgument(parsing: text).description == text)
        }
        for text in ["", ":", ":80", "host", "host:", "host:65536", "::1:80", "unix:", "host:-1"] {
            #expect(throws: ArgumentError.self) { try EndpointArgument(parsing: text) }
        }
    }

    @Test("Numbers are grouped by thousands")
    func grouping() {
        // If this failed, summaries would show wrong numbers.
        #expect(NumberText.grouped(0) == "0")
        #expect(NumberText.grouped(999) == "999")
        #expect(NumberText.grouped(1000) == "1,000")
        #expect(NumberText.grouped(-12_345) == "-12,345")
        #expect(NumberText.grouped(UInt64.max) == "18,446,744,073,709,551,615")
        #expect(NumberText.grouped(Int64.min) == "-9,223,372,036,854,775,808")
        #expect(NumberText.count(1, "line", "lines") == "1 line")
        #expect(NumberText.count(0, "line", "lines") == "0 lines")
    }

    @Test("Sizes and times keep their magnitude")
    func magnitudes() {
        // If this failed, a summary would be wrong by a power of ten or of 1,024.
        #expect(NumberText.byteCount(0) == "0 B")
        #expect(NumberText.byteCount(1023) == "1023 B")
        #expect(NumberText.byteCount(1536) == "1.5 KiB")
        #expect(NumberText.byteCount(1_048_575) == "1,023.9 KiB")
        #expect(NumberText.byteCount(1 << 20) == "1.0 MiB")
        #expect(NumberText.byteCount(UInt64.max) == "16,777,215.9 TiB")
        #expect(NumberText.duration(.milliseconds(12)) == "12.0 ms")
        #expect(NumberText.duration(.microseconds(99_950)) == "99.9 ms")
        #expect(NumberText.duration(.milliseconds(250)) == "0.25 s")
        #expect(NumberText.duration(.seconds(61)) == "61.00 s")
    }

    @Test("The process's own readings are there")
    func readings() {
        // If this failed, summaries would say that a process has no memory or no descriptors.
        let readings = ProcessReadings.now()
        #expect(readings.residentByteCount > 1 << 20)
        #expect(readings.residentByteCountPeak >= readings.residentByteCount)
        #expect(readings.openDescriptorCount >= 1)
    }
}
