// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import EventLoops

/// One run of one check: makes the backends, and notes what is not as promised. Any thread may
/// note.
final class ConformanceRun: Sendable {
    /// Ends a check whose next step needs what did not happen. What that was is noted already.
    struct GivenUp: Error {}

    private struct Notes {
        var backend: String?
        var failures: [FailedExpectation] = []
        var positions: [SourcePlace: Int] = [:]
        var rigs: [LoopRig] = []
    }

    private let factory: BackendFactory
    private let notes = Board(Notes())
    /// How long something may take that should happen at once.
    let patienceNanoseconds: UInt64

    init(_ factory: @escaping BackendFactory, patienceSeconds: UInt64) {
        precondition(patienceSeconds > 0, "a check needs a second at least")
        precondition(patienceSeconds < 86_400, "a check does not wait for days")
        self.factory = factory
        patienceNanoseconds = patienceSeconds * 1_000_000_000
    }

    /// Makes a backend.
    func open(_ options: LoopOptions = LoopOptions()) throws -> SelectedBackend {
        let selected = try factory(options)
        notes.update { $0.backend = selected.backend.name }
        return selected
    }

    /// When what begins now is given up. Once something has failed, a tenth of the patience is
    /// left, so that a check of many rounds ends soon.
    var deadline: MonotonicInstant {
        let hasFailed = notes.read { !$0.failures.isEmpty }
        return .now.advanced(byNanoseconds: patienceNanoseconds / (hasFailed ? 10 : 1))
    }

    // MARK: Loops

    /// Keeps a loop to be stopped at the end, also when the check is given up before.
    func keep(_ rig: LoopRig) {
        notes.update { $0.rigs.append(rig) }
    }

    /// Stops what the check has left running.
    func stopLoops(at place: SourcePlace) {
        let rigs = notes.update { notes in
            defer { notes.rigs = [] }
            return notes.rigs
        }
        for rig in rigs { rig.stop(at: place) }
    }

    // MARK: Noting

    /// Notes something that is wrong.
    func fail(_ sentence: String, file: StaticString = #fileID, line: UInt = #line) {
        fail(sentence, at: SourcePlace(file, line))
    }

    func fail(_ sentence: String, at place: SourcePlace) {
        notes.update { notes in
            if let position = notes.positions[place] {
                notes.failures[position].count += 1
            } else {
                notes.positions[place] = notes.failures.count
                notes.failures.append(FailedExpectation(sentence, at: place))
            }
        }
    }

    /// All that was noted; nil if everything was as promised.
    func failure(of check: String) -> ConformanceFailure? {
        notes.read { notes in
            guard !notes.failures.isEmpty else { return nil }
            return ConformanceFailure(
                check: check, backend: notes.backend, expectations: notes.failures)
        }
    }
}
