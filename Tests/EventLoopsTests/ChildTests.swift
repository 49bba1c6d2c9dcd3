// SPDX-License-Identifier: MIT

import CTestSupport
import EventLoops
import Testing

/// What needs a process of its own; `LoopChild` does it and prints what it saw.
@Suite("Probing, signals, descriptors", .serialized)
struct ChildTests {
    @Test("A refused io_uring: automatic takes epoll and says why", arguments: ["eperm", "enosys"])
    func fallback(_ refusal: String) throws {
        // If this failed, a program would not start in a container, or nobody would know why it is
        // on epoll.
        let lines = try child(refusal)
        let name = refusal == "eperm" ? "EPERM" : "ENOSYS"
        try #require(lines.count == 3, "\(lines)")
        #expect(lines[0].hasPrefix("automatic: epoll: "))
        #expect(lines[0].contains(name))
        #expect(lines[1] == "ran")
        #expect(lines[2].hasPrefix("refused: openBackend"))
        #expect(lines[2].contains(name))
    }

    @Test("epoll without epoll_pwait2 sleeps all the same")
    func oldKernel() throws {
        // If this failed, an older kernel or a strict container would keep a processor busy.
        #expect(try child("pwait") == ["slept"])
    }

    @Test("Signals arrive as values", arguments: backends)
    func signals(_ choice: BackendChoice) throws {
        // If this failed, Ctrl-C would kill a server instead of stopping it in order.
        #expect(try child("signals", choice) == ["none left", "both"])
    }

    @Test("Fifty loops leave no descriptor behind", arguments: backends)
    func descriptors(_ choice: BackendChoice) throws {
        // If this failed, a program that opens loops would run out of descriptors.
        #expect(try child("leaks", choice) == ["no leak"])
    }

    @Test("Backends that are gone leave nothing behind", arguments: backends)
    func nothingLeft(_ choice: BackendChoice) throws {
        // If this failed, a program that opens loops would grow.
        #expect(try child("refuse-nothing", choice) == ["opened", "no leak"])
    }

    @Test(
        "A step of io_uring that is refused is told, and leaves nothing behind",
        arguments: zip(
            ["setup", "eventfd", "probing", "buffers", "enabling"],
            [
                "openBackend EPERM", "eventDescriptor EMFILE", "openBackend ENOSYS",
                "openBackend EPERM", "openBackend EPERM",
            ]))
    func refusedStep(_ step: String, _ expected: String) throws {
        // If this failed, a program in a container would lose descriptors or memory with each try,
        // or run on a loop that does not work.
        let lines = try child("refuse-" + step, .ioUring)
        try #require(lines.count == 2, "\(lines)")
        for word in expected.split(separator: " ") { #expect(lines[0].contains(word), "\(lines)") }
        #expect(lines[1] == "no leak")
    }

    @Test("Descriptor 0 is one as any other, and a file is ready", arguments: backends)
    func numberZero(_ choice: BackendChoice) throws {
        // If this failed, a program that was started without standard input would have no loop, or
        // its first socket would hear nothing; or one could not wait for a file.
        let lines = try child("zero", choice)
        #expect(lines == ["opened", "cancelled", "closed", "told", "file"])
    }

    @Test("A program with a loop alone survives a broken pipe", arguments: backends)
    func brokenPipe(_ choice: BackendChoice) throws {
        // If this failed, a program without a group would die of SIGPIPE when it sends a file to a
        // peer that is gone.
        #expect(try child("pipe", choice) == ["alive"])
    }

    @Test("The automatic choice says what it found")
    func automatic() throws {
        // If this failed, the log would name a backend that is not running.
        let selected = try BackendChoice.automatic.open(options: LoopOptions())
        #expect(selected.reason.hasPrefix(selected.backend.name))
    }
}

/// Runs the child and answers what it printed, line by line.
private func child(_ work: String, _ choice: BackendChoice = .automatic) throws -> [String] {
    var path = [CChar](repeating: 0, count: 4096)
    let byteCount = unsafe test_own_path(&path, 4096)  // SAFETY: room for 4096.
    try #require(byteCount > 0, "no own path: \(byteCount)")
    let own = String(decoding: path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let folder = own.split(separator: "/").dropLast().joined(separator: "/")
    var output = [CChar](repeating: 0, count: 65_536)
    // SAFETY: the strings are NUL-terminated for the call; room for 65,536.
    let status = unsafe test_run("/\(folder)/LoopChild", work, choice.rawValue, &output, 65_536)
    let text = String(
        decoding: output.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    try #require(status == 0, "status \(status): \(text)")
    return text.split(separator: "\n").map(String.init)
}
