// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import EventLoops
internal import LoopSimulation
internal import Networking

/// One end of a connection of the kernel's, in the hands of a script.
///
/// Threads: the loop's.
final class KernelPeer: StormPeer, @unchecked Sendable {
    var onBytes: (([UInt8]) -> Void)?
    var onConnected: (() -> Void)?
    var onEnd: ((SimulatedPeer.End) -> Void)?
    var isReading = true {
        didSet { if isReading { reading.ring() } }
    }
    private(set) var isClosed = false

    private let world: KernelWorld
    private var connection: StreamConnection?
    private var waiting: [UInt8] = []
    private var finishesWhenSent = false
    private let reading = Bell()
    private let writing = Bell()

    init(_ world: KernelWorld) {
        self.world = world
    }

    func send(_ bytes: [UInt8]) {
        guard !isClosed, !finishesWhenSent else { return }
        waiting += bytes
        writing.ring()
    }

    func finish() {
        finishesWhenSent = true
        writing.ring()
    }

    func reset() {
        connection?.reset()
        close()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        connection?.close()
        connection = nil
        reading.silence()
        writing.silence()
    }

    func later(_ nanoseconds: UInt64, _ body: @escaping () -> Void) {
        world.later(nanoseconds) { [weak self] in
            if let self, !self.isClosed { body() }
        }
    }

    // MARK: Its tasks

    func connect(to port: UInt16) async {
        let limit = MonotonicInstant.now.advanced(by: .seconds(20))
        do throws(ConnectFailure) {
            await run(
                try await StreamConnection.connect(
                    to: .host("127.0.0.1", port: port), options: world.streamOptions, until: limit)
            )
        } catch {
            guard !isClosed else { return }
            onEnd?(.broken(code: -1))
            close()
        }
    }

    /// Reads and writes as the script says, until it closes.
    func run(_ connection: StreamConnection) async {
        guard !isClosed else { return connection.close() }
        self.connection = connection
        onConnected?()
        await withDiscardingTaskGroup { tasks in
            tasks.addTask(executorPreference: connection.executor) { await self.read(connection) }
            tasks.addTask(executorPreference: connection.executor) { await self.write(connection) }
        }
        connection.close()
    }

    private func read(_ connection: StreamConnection) async {
        reading.ring()
        for await _ in reading.rings {
            do throws(SystemError) {
                while isReading, !isClosed {  // Ends: with the stream, or the script.
                    let bytes = try await connection.read(atMost: 65_536)
                    guard !isClosed else { return }
                    if bytes.isEmpty { return tellEnd(.finished) }
                    onBytes?(bytes)
                }
            } catch {
                return tellEnd(.broken(code: -error.code))
            }
        }
    }

    private func tellEnd(_ end: SimulatedPeer.End) {
        if !isClosed { onEnd?(end) }
    }

    private func write(_ connection: StreamConnection) async {
        for await _ in writing.rings {
            do throws(SystemError) {
                while !waiting.isEmpty, !isClosed {  // Ends: takes all each turn.
                    let bytes = waiting
                    waiting = []
                    try await connection.write(bytes)
                }
                guard finishesWhenSent, !isClosed else { continue }
                return try await connection.finishWriting()
            } catch {
                return  // The reader hears of it.
            }
        }
    }
}

/// Says that there is something to do.
private struct Bell: Sendable {
    let rings: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (rings, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func ring() { continuation.yield() }

    /// Ends whoever listens.
    func silence() { continuation.finish() }
}
