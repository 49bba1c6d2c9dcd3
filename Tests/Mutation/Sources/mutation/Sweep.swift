// SPDX-License-Identifier: MIT

internal import Foundation
internal import Mutating

/// Tries one mutant after the other, several at once if that is wanted, and writes down what comes
/// of each.
///
/// Threads: `lock` guards all that changes; trials run outside of it.
final class Sweep: @unchecked Sendable {
    private let trial: Trial
    private let entries: [Copy.Entry]
    private let keepsFindings: Bool
    private let pauseWhile: String?

    private let lock = NSLock()
    private var findings: Findings
    private var begun = 0
    private var ended = 0
    private var missed: [String] = []
    /// How long what looks at a file takes with nothing planted.
    private var controls: [String: Trial.Duration] = [:]
    private var prints: [String: Fingerprints] = [:]
    private var failure: (any Error)?

    init(
        trial: Trial, entries: [Copy.Entry], findings: Findings, keepsFindings: Bool,
        pauseWhile: String?
    ) {
        self.trial = trial
        self.entries = entries
        self.findings = findings
        self.keepsFindings = keepsFindings
        self.pauseWhile = pauseWhile
    }

    /// Tries all of them; answers the names of those that were missed.
    func run(jobs: Int) throws -> [String] {
        prints = try Fingerprints.ofTargets(trial.finder)
        try measureControls()
        // Threads, and as many as were asked for: what they run mostly waits, and Dispatch would
        // begin no more at once than there are processors.
        let jobsLeft = DispatchGroup()
        for _ in 0..<jobs {
            jobsLeft.enter()
            Thread.detachNewThread {
                self.work()
                jobsLeft.leave()
            }
        }
        jobsLeft.wait()
        if let failure { throw failure }
        return missed
    }

    private func work() {
        while let entry = next() {
            do {
                try add(trial.run(entry, control: controls[entry.target.file]), entry)
            } catch {
                lock.withLock { failure = error }
            }
        }
    }

    /// What fails with nothing switched on would find every mutant. How long that takes says when
    /// a mutant's run may be called hung.
    private func measureControls() throws {
        // Files that the same look at have the same control.
        var measured: [[String]: Trial.Duration] = [:]
        for entry in entries where controls[entry.target.file] == nil {
            let file = entry.target.file
            let lookers = [entry.target.tests, entry.target.scenarios].flatMap { $0 + ["|"] }
            controls[file] = measured[lookers]
            if controls[file] != nil { continue }
            pause()
            let start = ContinuousClock.now
            let finding = try trial.control(entry.target)
            if finding.isFound {
                throw ToolError(
                    "\(file): fails with nothing planted: \(finding.verdict.rawValue)"
                        + " \(finding.detail)")
            }
            let isUntested = finding.verdict == .untested
            say("    \(file): \(isUntested ? "nothing looks at it" : shortened(finding.seconds))")
            let duration = Trial.Duration(
                processorSeconds: finding.seconds, seconds: (.now - start) / .seconds(1))
            (controls[file], measured[lookers]) = (duration, duration)
        }
    }

    private func next() -> Copy.Entry? {
        pause()
        return lock.withLock {
            if failure != nil || begun == entries.count { return nil }
            begun += 1
            return entries[begun - 1]
        }
    }

    private func add(_ finding: Finding, _ entry: Copy.Entry) throws {
        try lock.withLock {
            var finding = finding
            finding.prints = prints[entry.target.file]
            if keepsFindings { try findings.add(finding) }
            if !finding.isFound { missed.append(finding.name) }
            ended += 1
            let time = String(format: "%5.1f s", finding.seconds)
            say(
                "\(ended)/\(entries.count) \(finding.verdict.rawValue) \(time)"
                    + "  \(finding.name)  \(finding.detail)")
        }
    }

    private func pause() {
        guard let pauseWhile else { return }
        let never = DispatchSemaphore(value: 0)
        while FileManager.default.fileExists(atPath: pauseWhile) {
            _ = never.wait(timeout: .now() + 1)
        }
    }
}
