// SPDX-License-Identifier: MIT

/// One promise of `EventBackend`, and the program that finds out whether a backend keeps it.
public struct ConformanceCheck: Sendable, CustomStringConvertible {
    /// What is checked: "accept: several connections, then cancel". No two checks have one name.
    public let name: String
    private let place: SourcePlace
    private let body: @Sendable (ConformanceRun) throws -> Void

    init(
        _ name: String, file: StaticString = #fileID, line: UInt = #line,
        _ body: @escaping @Sendable (ConformanceRun) throws -> Void
    ) {
        self.name = name
        self.body = body
        place = SourcePlace(file, line)
    }

    /// The name.
    public var description: String { name }

    /// Runs the check against backends of the factory, on the calling thread and on threads of its
    /// own.
    ///
    /// It ends in bounded time whatever the backend loses, doubles or mixes up; only a
    /// `EventBackend.wait(until:into:)` that never returns keeps it for ever. A thread whose loop
    /// does not end is left behind, and so is the memory that its operations name.
    ///
    /// - Parameters:
    ///   - factory: makes the backend.
    ///   - patienceSeconds: how long the check waits for something that should happen at once; a
    ///     tenth once something has failed. Backends that keep their promises never need it.
    /// - Throws: `ConformanceFailure` with everything that was not as promised.
    public func run(on factory: @escaping BackendFactory, patienceSeconds: UInt64 = 10) throws {
        let run = ConformanceRun(factory, patienceSeconds: patienceSeconds)
        do {
            try body(run)
        } catch is ConformanceRun.GivenUp {
            // What was missing is noted already.
        } catch {
            run.fail("the check could not go on: \(error)", at: place)
        }
        run.stopLoops(at: place)
        if let failure = run.failure(of: name) { throw failure }
    }
}
