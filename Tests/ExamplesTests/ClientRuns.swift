// SPDX-License-Identifier: MIT

import CLinuxShims
import Glibc
import Testing

#if Examples
    /// Outcomes as the client writes them.
    struct OutcomeLines {
        /// The numbers in the order of their lines.
        private(set) var order: [Int] = []
        private(set) var ok: Set<Int> = []
        private(set) var failed: [Int: String] = [:]

        /// Reads the lines; there must be exactly one for each number below the count, and nothing
        /// else. Without a count, for each below any count.
        init(_ text: String, count expected: Int? = nil) throws {
            for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
                let words = line.split(separator: " ", omittingEmptySubsequences: false)
                let number = try #require(words.count > 1 ? Int(words[1]) : nil, "\(line)")
                order.append(number)
                if words[0] == "ok" && words.count == 2 {
                    ok.insert(number)
                } else {
                    try #require(words[0] == "failed" && words.count == 3, "\(line)")
                    try #require(words[2].allSatisfy { $0.isLetter || $0 == "-" }, "\(line)")
                    failed[number] = String(words[2])
                }
            }
            try #require(text.isEmpty || text.hasSuffix("\n"))
            let count = expected ?? order.count
            let isComplete = order.count == count && Set(order) == Set(0..<count)
            try #require(isComplete, "\(order.count) lines for \(count) messages")
            try #require(ok.count + failed.count == count, "an outcome and its contrary")
        }

        /// Whether every message failed for this reason.
        func allFailed(_ reason: String) -> Bool {
            ok.isEmpty && failed.values.allSatisfy { $0 == reason }
        }
    }

    /// Starts the client.
    func startClient(
        to address: String, _ arguments: [String] = [], backend: String = "auto",
        descriptorsMax: Int? = nil, script: String? = nil, hasInput: Bool = false
    ) throws -> Program {
        try Program(
            "example_tcp_client", ["--to", address, "--backend", backend] + arguments,
            descriptorsMax: descriptorsMax, script: script, hasInput: hasInput)
    }

    /// Checks a record against outcomes in the stronger modes: nothing was confirmed that did not
    /// arrive, and what came twice came over connections that broke.
    func checkHonesty(_ outcomes: OutcomeLines, _ record: PeerRecord, connectionsMax: Int = 4) {
        let unfounded = outcomes.ok.filter { !record.answered.contains("\($0)") }
        #expect(unfounded.isEmpty, "confirmed without an answer: \(unfounded.prefix(5))")
        for (word, numbers) in record.arrivals where numbers.count > 1 {
            let isExcused = numbers.dropLast().allSatisfy { record.broken.contains($0) }
            if !isExcused { Issue.record("\(word) came over \(numbers), broken \(record.broken)") }
        }
        #expect(record.openMax <= connectionsMax)
    }

    let bothBackends = ["io_uring", "epoll"]
#endif
