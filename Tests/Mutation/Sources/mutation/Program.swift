// SPDX-License-Identifier: MIT

internal import Foundation
internal import Glibc

/// A program that is run for a limited time, and watched.
struct Program {
    /// How it ended.
    struct Outcome {
        var output = ""
        /// The status, or the number of the signal that ended it.
        var status: Int32 = 0
        var isSignal = false
        var isTimedOut = false
        /// Whether it was ended because a line of its output was enough.
        var isCutShort = false
        var seconds = 0.0
        /// Seconds of processor time that it used.
        var processorSeconds = 0.0
    }

    var path: String
    var arguments: [String] = []
    var environment: [String: String] = [:]
    var secondsMax: Double

    /// Runs it, until a line of the output satisfies `isEnough`.
    func run(isEnough: (Substring) -> Bool = { _ in false }) throws -> Outcome {
        let (identifier, output) = try spawn()
        let start = ContinuousClock.now
        let watch = Watch(identifier)
        let timer = DispatchSource.makeTimerSource(queue: .global())
        timer.schedule(deadline: .now() + secondsMax)
        timer.setEventHandler { watch.end(isTimedOut: true) }
        timer.resume()
        var outcome = Outcome()
        var pending = ""
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            // SAFETY: the buffer is as long as it says, and only this call writes it.
            let count = unsafe read(output, &buffer, buffer.count)
            if count <= 0 { break }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            if outcome.output.utf8.count < 1_000_000 { outcome.output += text }
            pending += text
            while let newline = pending.firstIndex(of: "\n") {
                if !outcome.isCutShort, isEnough(pending[..<newline]) {
                    outcome.isCutShort = true
                    // What explains the line follows at once.
                    DispatchQueue.global().asyncAfter(deadline: .now() + 0.05) {
                        watch.end(isTimedOut: false)
                    }
                }
                pending = String(pending[pending.index(after: newline)...])
            }
        }
        close(output)
        var status: Int32 = 0
        var usage = rusage()
        while unsafe wait4(identifier, &status, 0, &usage) < 0, errno == EINTR {}  // SAFETY: ours.
        timer.cancel()
        for time in [usage.ru_utime, usage.ru_stime] {
            outcome.processorSeconds += Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000
        }
        outcome.isTimedOut = watch.finish()
        outcome.isSignal = status & 0x7F != 0
        outcome.status = outcome.isSignal ? status & 0x7F : status >> 8 & 0xFF
        outcome.seconds = (ContinuousClock.now - start) / .seconds(1)
        return outcome
    }

    /// Starts it; answers its number, and where its output can be read.
    private func spawn() throws -> (identifier: Int32, output: Int32) {
        var ends: [Int32] = [0, 0]
        // SAFETY: two numbers are written; the strings below live until the call has returned.
        guard unsafe pipe(&ends) == 0 else { throw ToolError("no pipe: \(errno)") }
        var actions = unsafe posix_spawn_file_actions_t()  // SAFETY: initialized below.
        unsafe posix_spawn_file_actions_init(&actions)  // SAFETY: as above.
        unsafe posix_spawn_file_actions_addopen(  // SAFETY: as above.
            &actions, 0, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)  // SAFETY: as above.
        unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 2)  // SAFETY: as above.
        // SAFETY: as above.
        for end in ends { unsafe posix_spawn_file_actions_addclose(&actions, end) }
        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        // SAFETY: as above; freed below.
        let words = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
        // SAFETY: as above.
        let pairs = unsafe variables.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        var identifier: Int32 = 0
        // SAFETY: as above.
        let error = unsafe posix_spawn(&identifier, path, &actions, nil, words, pairs)
        // SAFETY: as above.
        unsafe (words + pairs).forEach { unsafe free($0) }
        unsafe posix_spawn_file_actions_destroy(&actions)  // SAFETY: as above.
        close(ends[1])
        guard error == 0 else { throw ToolError("cannot start \(path): error \(error)") }
        return (identifier, ends[0])
    }
}

/// Ends a process once, and never after it has been waited for.
private final class Watch: @unchecked Sendable {
    private let lock = NSLock()
    private let identifier: Int32
    private var isOver = false
    private var isTimedOut = false

    init(_ identifier: Int32) { self.identifier = identifier }

    func end(isTimedOut: Bool) {
        lock.withLock {
            if isOver { return }
            if isTimedOut { self.isTimedOut = true }
            kill(identifier, SIGKILL)
        }
    }

    /// Whether the time was over.
    func finish() -> Bool {
        lock.withLock {
            isOver = true
            return isTimedOut
        }
    }
}
