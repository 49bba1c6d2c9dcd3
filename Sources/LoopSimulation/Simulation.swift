// SPDX-License-Identifier: MIT

public import AsyncRuntime
internal import AtomicSupport
public import EventLoops

/// A program on one loop in a simulated world, from its first line to the last completion, on the
/// calling thread.
///
/// ```swift
/// var simulation = Simulation(seed: 7)
/// simulation.plan = .drawn(seed: 7)
/// let outcome = try simulation.run { group, world in
///     try await talk(over: group)
/// }
/// print(outcome.traceHash)
/// ```
///
/// The program must stay on the loop: its tasks are children of the one that it begins with, and it
/// sleeps by `LoopTime`. `Task {}`, `Task.detached`, `Task.sleep` and threads of its own leave the
/// world; a run that finds out fails with `escaped`. Whoever compares runs of several processes
/// sets SWIFT_DETERMINISTIC_HASHING, so that sets and dictionaries have one order.
public struct Simulation: Sendable {
    /// Decides everything that is drawn.
    public var seed: UInt64
    /// How often each fault happens.
    public var plan = FaultPlan()
    /// The limits of the loop.
    public var options = LoopOptions()
    /// Virtual time after which the program is stopped.
    public var timeMax: Duration = .seconds(24 * 3600)
    /// Waits of the loop after which the program is stopped: one that never sleeps uses hardly any
    /// virtual time.
    public var waitsMax: UInt64 = 50_000_000
    /// How many of the last events are kept in words.
    public var traceLinesMax = 0

    /// A simulation without faults.
    public init(seed: UInt64) {
        self.seed = seed
    }

    /// Runs a program in a world of its own.
    ///
    /// - Parameter body: the program; it gets the group of one loop, and the world, to which it
    ///   gives names, peers and signals.
    /// - Returns: what it gave, and what happened.
    /// - Throws: what the loop throws when it cannot be begun. What `body` throws is in the
    ///   outcome.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable (LoopGroup, SimulatedWorld) async throws -> Value
    ) throws(SystemError) -> SimulationOutcome<Value> {
        let world = SimulatedWorld(seed: seed, plan: plan, traceLinesMax: traceLinesMax)
        world.enter()
        defer {
            world.end()
            SimulatedWorld.leave()
        }
        let backend = SimulatedBackend(world, options: options)
        let loop = EventLoop(
            SelectedBackend(backend: backend, reason: "simulated: seed \(seed)"), options: options)
        let executor = LoopExecutor(loop, countsForeign: true)
        let group = LoopGroup([executor])
        let record = RunRecord<Value>()
        watch(backend, loop, record)
        group.begin {
            do {
                record.result = .success(try await body(group, world))
            } catch {
                record.result = .failure(error)
            }
            loop.stop()
        }
        let handedOver = executor.foreignCount
        try loop.run()
        let escapes = world.statistics.escapes + UInt64(executor.foreignCount - handedOver)
        return SimulationOutcome(
            result: record.result, ending: escapes > 0 ? .escaped : record.ending,
            openCount: world.openCount, heldBufferCount: loop.heldBuffers,
            leasedBlockCount: loop.leasedSendBlocks, time: world.elapsed,
            traceHash: world.traceHash, traceCount: world.traceCount,
            statistics: world.statistics, timeline: world.timeline)
    }

    /// Stops the loop when nothing is left to happen, or the limits are reached.
    private func watch<Value>(
        _ backend: SimulatedBackend, _ loop: EventLoop, _ record: RunRecord<Value>
    ) {
        let latest = MonotonicInstant(nanoseconds: SimulatedWorld.timeOrigin).advanced(by: timeMax)
        backend.whenStuck = { [weak loop] in
            if record.ending == .finished { record.ending = .stuck }
            loop?.stop()
        }
        backend.beforeWait = { [weak loop, waitsMax] backend in
            let isLate = backend.world.now >= latest
            guard isLate || backend.statistics.waits > waitsMax else { return }
            if record.ending == .finished { record.ending = isLate ? .outOfTime : .outOfWaits }
            loop?.stop()
        }
    }
}

/// What a run leaves behind while it runs.
private final class RunRecord<Value>: @unchecked Sendable {
    // Threads: the simulation's own.
    var result: Result<Value, any Error>?
    var ending = SimulationEnding.finished
}

/// How a run ended.
public enum SimulationEnding: Sendable {
    /// The program came to its end, by itself.
    case finished
    /// Nothing was left that could happen, and the program waited: for ever, or for a thread
    /// outside that took its time.
    case stuck
    /// The virtual time was over.
    case outOfTime
    /// The loop had waited as often as it may.
    case outOfWaits
    /// A thread from outside took part: the run cannot be repeated.
    case escaped
}

/// What came of a run.
public struct SimulationOutcome<Value: Sendable>: Sendable {
    /// What the program gave or threw; nil if it never came to its end.
    public let result: Result<Value, any Error>?
    /// How the run ended.
    public let ending: SimulationEnding
    /// How many of the world's descriptors were left open.
    public let openCount: Int
    /// How many of the loop's receive buffers were still with streams.
    public let heldBufferCount: Int
    /// How many send blocks were not given back.
    public let leasedBlockCount: Int
    /// How much virtual time passed.
    public let time: Duration
    /// Changed by everything that happened.
    public let traceHash: UInt64
    /// How many events that is.
    public let traceCount: UInt64
    /// What happened, counted.
    public let statistics: SimulationStatistics
    /// The last events in words, if the simulation was asked to keep some.
    public let timeline: [String]
}
