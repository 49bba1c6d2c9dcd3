// SPDX-License-Identifier: MIT

// What a test must do in a process of its own: deny system calls, send signals, count descriptors.
// The first argument says what, the second on which backend.

import AsyncRuntime
import CTestSupport
import EventLoops
import Glibc

let arguments = CommandLine.arguments
let choice = arguments.count > 2 ? BackendChoice(rawValue: arguments[2]) ?? .automatic : .automatic
let errors: [String: Int32] = ["eperm": 1, "enosys": 38]

switch arguments.count > 1 ? arguments[1] : "" {
case "eperm", "enosys": denyIOUring(errors[arguments[1]] ?? 1)
case "pwait": denyWaiting()
case "signals": try takeSignals()
case "leaks": try countDescriptors()
case "pipe": try breakPipe()
case "zero": try useNumberZero()
case let work where RefusedStep(rawValue: work) != nil: refuse(RefusedStep(rawValue: work)!)
default:
    let steps = RefusedStep.allCases.map(\.rawValue).joined(separator: "|")
    fatalError("LoopChild (eperm|enosys|pwait|signals|leaks|pipe|zero|\(steps)) [BACKEND]")
}

/// Opens loops where io_uring_setup is refused, as in many containers.
func denyIOUring(_ error: Int32) {
    precondition(test_deny(test_number_of_io_uring_setup(), error) == 0)
    do {
        let loop = try EventLoop(choice: .automatic)
        print("automatic: \(loop.selection)")
        loop.stop()
        try loop.run()
        print("ran")
        print("asked: \(try EventLoop(choice: .ioUring).selection)")
    } catch {
        print("refused: \(error)")
    }
}

/// Runs a loop where epoll_pwait2 is refused (before Linux 5.11, and by old seccomp profiles).
func denyWaiting() {
    precondition(test_deny(test_number_of_epoll_pwait2(), 38) == 0)
    do {
        let turns = try LoopGroup.run(choice: .epoll) { group in
            try await LoopTime.sleep(for: .milliseconds(50))
            return group.executors[0].loop.statistics.turns
        }
        print(turns < 100 ? "slept" : "spun \(turns) times")
    } catch {
        print("failed: \(error)")
    }
}

func takeSignals() throws {
    let signals: SignalSet = [.interrupt, .terminate]
    let seen = try LoopGroup.run(choice: choice, signals: signals) { _ in
        let stream = try SignalStream(signals)
        _ = test_raise(2)
        var seen = [try await stream.next()]
        _ = test_raise(15)
        seen.append(try await stream.next())
        do {
            _ = try await LoopTime.withDeadline(after: .milliseconds(10)) { [stream] in
                try await stream.next()
            }
        } catch {
            print("none left")
        }
        return seen
    }
    print(seen == [.interrupt, .terminate] ? "both" : "wrong: \(seen)")
}

func countDescriptors() throws {
    try round()
    let before = test_descriptor_count()
    for _ in 0..<50 { try round() }
    let after = test_descriptor_count()
    print(before == after ? "no leak" : "leak: \(before) before, \(after) after")
}

/// One loop with something of everything that has a descriptor.
func round() throws {
    try LoopGroup.run(choice: choice, signals: .terminate) { _ in
        let stream = try SignalStream(.terminate)
        do {
            _ = try await LoopTime.withDeadline(after: .microseconds(300)) { [stream] in
                try await stream.next()
            }
        } catch {}
    }
}

/// Writes into a pipe that nobody reads, in a program with a loop and no group.
func breakPipe() throws {
    _ = signal(SIGPIPE, SIG_DFL)
    let loop = try EventLoop(choice: choice)
    loop.stop()
    try loop.run()
    var ends: [Int32] = [0, 0]
    precondition(unsafe pipe(&ends) == 0)  // SAFETY: room for two.
    close(ends[0])
    var byte: UInt8 = 1
    let written = unsafe write(ends[1], &byte, 1)  // SAFETY: a byte of ours.
    print(written == -1 && errno == EPIPE ? "alive" : "written: \(written)")
}
