// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import LoopSimulation
internal import StressSupport

/// The kernel of this system as the place of a storm: what goes wrong on the network is up to
/// whoever set it up, by nftables and tc(8), and ends by `onHeal`.
///
/// Threads: the loop's.
final class KernelWorld: StormWorld, @unchecked Sendable {
    let isReal = true
    let mayHaveCutStreams = false
    let mayHaveJumped = false
    let mayHaveLackedResources = true
    let connectionCount: UInt64? = nil
    var onStep: (() -> Void)?
    /// What could not be done in the name of scripts.
    var failures: [String] = []

    private var random: SplitMix64
    /// Where scripts listen: below the ports that the kernel gives away, so that nobody has taken
    /// it when they come back.
    private let port: UInt16
    private let onHeal: @Sendable () -> Void
    private let jobs: AsyncStream<@Sendable () async -> Void>
    private let adder: AsyncStream<@Sendable () async -> Void>.Continuation
    private var listeners: [KernelListener] = []
    private var peers: [ObjectIdentifier: KernelPeer] = [:]

    init(seed: UInt64, onHeal: @escaping @Sendable () -> Void) {
        random = SplitMix64(seed: seed)
        port = UInt16(20_000 + seed % 10_000)
        self.onHeal = onHeal
        (jobs, adder) = AsyncStream.makeStream()
    }

    /// Runs what scripts begin, until `end`; then cancels what is left of it.
    func serve(on executor: LoopExecutor) async {
        await withDiscardingTaskGroup { tasks in
            for await job in jobs {
                tasks.addTask(executorPreference: executor) { await job() }
            }
            tasks.cancelAll()
        }
    }

    /// Closes what scripts have opened, and lets `serve` come to its end.
    func end() {
        for listener in listeners { listener.close() }
        for peer in peers.values { peer.close() }
        listeners = []
        adder.finish()
    }

    /// Runs a script's task beside the others.
    func begin(_ job: @escaping @Sendable () async -> Void) { adder.yield(job) }

    /// Lets a peer live until its connection is closed.
    func begin(_ peer: KernelPeer, _ job: @escaping @Sendable () async -> Void) {
        peers[ObjectIdentifier(peer)] = peer
        begin {
            await job()
            self.peers[ObjectIdentifier(peer)] = nil
        }
    }

    func draw(below bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    func later(_ nanoseconds: UInt64, _ body: @escaping () -> Void) {
        let work = ScriptedWork(body)
        begin {
            guard (try? await LoopTime.sleep(for: .nanoseconds(nanoseconds))) != nil else { return }
            work.body()
        }
    }

    func heal() { onHeal() }

    func name(_ host: String, addressCount: Int) -> Bool { false }

    func arrivedByteCount(from descriptor: Int32) -> UInt64? { nil }

    func listen(
        at port: UInt16, backlog: Int, _ body: @escaping (any StormPeer) -> Void
    ) -> (any StormListener)? {
        let place = port == 0 ? self.port : port
        let listener = KernelListener(self, place, backlog, body)
        listeners.append(listener)
        return listener
    }

    func connect(to port: UInt16) -> any StormPeer {
        let peer = KernelPeer(self)
        begin(peer) { await peer.connect(to: port) }
        return peer
    }
}

/// A closure of a script, which never leaves the loop's thread.
private struct ScriptedWork: @unchecked Sendable {
    let body: () -> Void

    init(_ body: @escaping () -> Void) {
        self.body = body
    }
}
