// SPDX-License-Identifier: MIT

import BackendConformance
import EventLoops
import Testing

/// A suite that no backend can fail checks nothing.
@Suite("Faults planted in a backend are found", .timeLimit(.minutes(20)))
struct PlantedFaultTests {
    /// Each fault, a check that must find it, and a part of what that check must say.
    private static let plants: [(FaultyBackend.Fault, check: String, says: String)] = [
        (.dropsCompletions, "receive: at once, later, in pieces, the end", "timed out"),
        (.dropsCompletions, "limits: a full operation table answers nil", "did not complete"),
        (.completesTwice, "poll: ready at once, later, cancelled", "appeared after its last"),
        (.completesTwice, "loop: close is real and ends what is under way", "that were over"),
        (.ignoresCancel, "cancel: only the one", "timed out"),
        (.ignoresCancelAll, "cancel: everything on a descriptor, and nothing else", "timed out"),
        (.cancelsNeighbours, "cancel: only the one", "ended other operations"),
        (.swapsBuffers, "stream: many buffers, exact bytes, the end", "the bytes differ"),
        (.swapsBuffers, "credit: a slow reader starves nobody", "the bytes differ"),
        (.losesBuffers, "stream: out of buffers", "did not use both buffers"),
        (.losesBytes, "stream: many buffers, exact bytes, the end", "the bytes differ"),
        (.forgetsMore, "accept: several connections, then cancel", "appeared after its last"),
        (.hidesErrors, "connect: refused", "0, expected ECONNREFUSED"),
        (.losesWakes, "wake: from another thread, before and during the wait", "was lost"),
        (.losesWakes, "post: no wake-up is lost", "timed out: a job"),
        (.neverSleeps, "wait: returns at the deadline", "did not sleep"),
        (.completesBeforeTheEvent, "receive: a reset", "10, expected ECONNRESET"),
    ]

    @Test("Each fault is found by the check that is there for it", arguments: plants.indices)
    func found(_ index: Int) throws {
        // If this failed, a backend with this fault would pass the suite.
        let (fault, name, says) = Self.plants[index]
        let check = try #require(ConformanceSuite.checks.first { $0.name == name })
        let failure = #expect(throws: ConformanceFailure.self) { try run(check, with: fault) }
        let text = failure.map { "\($0)" } ?? "nothing"
        #expect(text.contains(says), "\(fault): \(text)")
        #expect(text.hasPrefix(name) && failure?.backend == "epoll, which \(fault)")
        #expect(
            failure?.expectations.allSatisfy { $0.file.hasPrefix("BackendConformance/") } == true)
    }

    @Test("Every kind of fault is planted")
    func complete() {
        // If this failed, a fault would be written and never tried.
        let planted = Set(Self.plants.map(\.0) + [.none])
        #expect(planted == Set(FaultyBackend.Fault.allCases))
    }

    @Test("The same checks pass without a fault", arguments: Set(plants.map(\.check)).sorted())
    func control(_ name: String) throws {
        // If this failed, what the other tests see would not be the fault's doing.
        let check = try #require(ConformanceSuite.checks.first { $0.name == name })
        try run(check, with: .none)
    }

    @Test("A backend that cannot be made is a failure, told as such")
    func refused() throws {
        // If this failed, a suite without a backend would pass.
        let check = try #require(ConformanceSuite.checks.first)
        let failure = #expect(throws: ConformanceFailure.self) {
            try check.run { _ in throw SystemError(.openBackend, code: 1) }
        }
        #expect(failure?.backend == nil)
        #expect(failure?.expectations.count == 1)
        #expect(failure?.expectations.first?.sentence.contains("EPERM") == true)
    }

    private func run(_ check: ConformanceCheck, with fault: FaultyBackend.Fault) throws {
        let patience: UInt64 = fault == .none ? 10 : 2
        try check.run(
            on: { options in
                let epoll = try BackendChoice.epoll.open(options: options).backend
                return SelectedBackend(
                    backend: FaultyBackend(epoll, fault, options: options), reason: "planted")
            }, patienceSeconds: patience)
    }
}
