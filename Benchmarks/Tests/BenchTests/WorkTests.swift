// SPDX-License-Identifier: MIT

import BenchSupport
import Foundation
import Testing

@Suite struct WorkTests {
    private func result(_ program: String, _ arguments: [String]) throws -> KeyValues? {
        let process = try ChildProcess(try Directory.program(program), arguments, cpu: nil)
        let line = try process.readLine(withinSeconds: 20)
        guard try process.wait(withinSeconds: 10) == 0 else { return nil }
        return line.flatMap { KeyValues($0, word: "result") }
    }

    @Test(arguments: ["cancel-far", "cancel-near", "rearm-any", "rearm-idle", "expire", "steady"])
    func timersOfAllKindsDoTheSame(way: String) throws {
        // A heap or a wheel would lose timers or fire them out of order, and be given a figure.
        let works = [
            ("primitives_millrace", "wheel"), ("primitives_c", "heap2"), ("primitives_c", "heap4"),
        ]
        for (program, kind) in works {
            let done = try result(
                program, ["--work", "\(kind)-\(way)", "--count", "5000", "--size", "5000"])
            #expect(try done?.number("checksum") == 5000 * 4999 / 2, "\(kind)")
        }
    }

    @Test(arguments: ["ring-both", "deque-both"])
    func whatIsStolenIsCounted(work: String) throws {
        // Elements that the thief took would be lost, or counted twice.
        let done = try result(
            "primitives_millrace", ["--work", work, "--threads", "2", "--count", "200000"])
        #expect(try done?.number("checksum") == 200_000 * 199_999 / 2)
    }

    @Test(arguments: [
        ["--work", "nothing at all"], ["--threads", "3", "--count", "10"], ["--size", "0"],
        ["--threads"], ["--speed", "9"],
    ])
    func wrongUsageIsRefused(arguments: [String]) throws {
        // A misspelt work would measure another one.
        for program in ["primitives_millrace", "primitives_c", "tasks_millrace"] {
            #expect(try result(program, arguments) == nil)
        }
    }
}
