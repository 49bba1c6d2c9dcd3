// SPDX-License-Identifier: MIT

internal import Foundation

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
    }

    var path: String
    var arguments: [String] = []
    var environment: [String: String] = [:]
    var secondsMax: Double

    /// Runs it, until a line of the output satisfies `isEnough`.
    func run(isEnough: (Substring) -> Bool = { _ in false }) throws -> Outcome {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        let start = ContinuousClock.now
        try process.run()
        let watch = Watch(process.processIdentifier)
        let timer = DispatchSource.makeTimerSource(queue: .global())
        timer.schedule(deadline: .now() + secondsMax)
        timer.setEventHandler { watch.end(isTimedOut: true) }
        timer.resume()
        var outcome = Outcome()
        var pending = ""
        while true {
            let data = pipe.fileHandleForReading.availableData
            if data.isEmpty { break }
            let text = String(decoding: data, as: UTF8.self)
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
        process.waitUntilExit()
        timer.cancel()
        outcome.isTimedOut = watch.finish()
        outcome.status = process.terminationStatus
        outcome.isSignal = process.terminationReason == .uncaughtSignal
        outcome.seconds = (ContinuousClock.now - start) / .seconds(1)
        return outcome
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
