// SPDX-License-Identifier: MIT

internal import LoopSimulation
internal import Networking

/// Where a storm happens: a world in memory, or the kernel of this system.
///
/// Threads: the loop's.
protocol StormWorld: AnyObject, Sendable {
    /// Whether time is real, and limits and patience are short.
    var isReal: Bool { get }
    /// Whether something on the way may have ended a stream that was to go on.
    var mayHaveCutStreams: Bool { get }
    /// Whether the clock may have jumped over limits.
    var mayHaveJumped: Bool { get }
    /// Whether descriptors, memory or places of operations may have been short.
    var mayHaveLackedResources: Bool { get }
    /// How many connections were made here; nil if nobody counts.
    var connectionCount: UInt64? { get }
    /// Called whenever the loop waits.
    var onStep: (() -> Void)? { get set }

    /// A number from zero to below `bound`, of the seed.
    func draw(below bound: Int) -> Int
    /// Calls `body` after so long.
    func later(_ nanoseconds: UInt64, _ body: @escaping () -> Void)
    /// Ends what goes wrong on the network.
    func heal()
    /// Gives a name so many addresses of this system; false if that is not possible.
    func name(_ host: String, addressCount: Int) -> Bool
    /// How many bytes from a descriptor have reached the other system; nil if nobody knows.
    func arrivedByteCount(from descriptor: Int32) -> UInt64?
    /// Listens in the name of a script; zero takes a free port. Nil if somebody else does.
    func listen(
        at port: UInt16, backlog: Int, _ body: @escaping (any StormPeer) -> Void
    ) -> (any StormListener)?
    /// Connects in the name of a script.
    func connect(to port: UInt16) -> any StormPeer
}

/// One end of a connection in the hands of a script.
protocol StormPeer: AnyObject {
    var onBytes: (([UInt8]) -> Void)? { get set }
    var onConnected: (() -> Void)? { get set }
    var onEnd: ((SimulatedPeer.End) -> Void)? { get set }
    var isReading: Bool { get set }
    var isClosed: Bool { get }

    func send(_ bytes: [UInt8])
    func finish()
    func reset()
    func close()
    /// Calls `body` after so long, unless this end is closed by then.
    func later(_ nanoseconds: UInt64, _ body: @escaping () -> Void)
}

/// A script that listens.
protocol StormListener: AnyObject {
    var port: UInt16 { get }
    func close()
}

extension StormWorld {
    /// When the network becomes well.
    var healNanoseconds: UInt64 { isReal ? 8_000_000_000 : 20_000_000_000 }

    /// Of sockets that nothing else watches: a reset that only one side got leaves the other
    /// waiting for ever. In memory both get it.
    var streamOptions: StreamOptions {
        var options = StreamOptions()
        if isReal {
            options.keepAlive = .init(idleSeconds: 1, intervalSeconds: 1, probeCount: 5)
        }
        return options
    }
}

// MARK: In memory

extension SimulatedWorld: StormWorld {
    var isReal: Bool { false }
    var mayHaveCutStreams: Bool { statistics[.earlyEnd] > 0 }
    var mayHaveJumped: Bool { statistics[.clockJump] > 0 }
    var mayHaveLackedResources: Bool {
        statistics[.refusedSubmission] > 0 || statistics[.noDescriptor] > 0
    }
    var connectionCount: UInt64? { statistics.connections }

    func name(_ host: String, addressCount: Int) -> Bool {
        name(host, addresses: (1...addressCount).map { (host: "127.0.0.\($0)", isIPv6: false) })
        return true
    }

    func listen(
        at port: UInt16, backlog: Int, _ body: @escaping (any StormPeer) -> Void
    ) -> (any StormListener)? {
        listen(port: port, backlog: backlog, onEveryAddress: true) { body($0) }
    }

    func connect(to port: UInt16) -> any StormPeer { connect(port: port) }
}

extension SimulatedPeer: StormPeer {
    func later(_ nanoseconds: UInt64, _ body: @escaping () -> Void) {
        after(nanoseconds) { _ in body() }
    }
}

extension SimulatedListener: StormListener {}
