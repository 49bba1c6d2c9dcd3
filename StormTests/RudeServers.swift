// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import ConnectionPools
internal import LoopSimulation

/// Servers at one port, of whatever address, that behave badly until they are healed.
///
/// Threads: the simulation's.
final class RudeServers: @unchecked Sendable {
    private let world: any StormWorld
    private let messages: MessageLedger
    private let mode: DeliveryMode
    private var listener: (any StormListener)?
    private(set) var port: UInt16 = 0
    /// When the network became well.
    private(set) var healed: MonotonicInstant?
    private var isOver = false
    private var open: [RudeConnection] = []

    init(_ world: any StormWorld, _ messages: MessageLedger, _ mode: DeliveryMode) {
        self.world = world
        self.messages = messages
        self.mode = mode
    }

    /// Begins to listen.
    func begin() {
        listen()
        port = listener?.port ?? 0
        scheduleOutage()
    }

    private func listen() {
        let backlog = world.draw(below: 3) == 0 ? 0 : 16
        listener = world.listen(at: port, backlog: backlog) {
            [weak self] peer in self?.take(peer)
        }
        messages.expect(listener != nil, "the servers' port is taken")
    }

    private func take(_ peer: any StormPeer) {
        open.removeAll { $0.isOver }
        let manner =
            healed != nil ? .polite : Manner.allCases[world.draw(below: Manner.allCases.count)]
        let connection = RudeConnection(peer, world, messages, manner, answers: mode == .confirmed)
        open.append(connection)
    }

    /// Now and then nobody listens for a while.
    private func scheduleOutage() {
        world.later(UInt64(1 + world.draw(below: 5_000)) * 1_000_000) { [weak self] in
            guard let self, self.healed == nil, !self.isOver else { return }
            self.listener?.close()
            self.listener = nil
            self.world.later(UInt64(1 + self.world.draw(below: 3_000)) * 1_000_000) { [weak self] in
                guard let self, self.listener == nil, !self.isOver else { return }
                self.listen()
                self.scheduleOutage()
            }
        }
    }

    /// From here on servers are polite; those that were not are gone.
    func heal() {
        healed = .now
        for connection in open where connection.manner != .polite { connection.leave() }
        if listener == nil && !isOver { listen() }
    }

    func end() {
        isOver = true
        listener?.close()
        for connection in open { connection.leave() }
    }
}

/// How a server treats a connection.
enum Manner: CaseIterable {
    /// Reads, and answers each message.
    case polite
    /// The same, with pauses in reading.
    case slow
    /// Resets after some bytes.
    case resetting
    /// Ends its side after some bytes, and reads no more.
    case leaving
    /// Reads and never answers.
    case silent
    /// Never reads.
    case deaf
    /// Answers what nobody sent, between its answers.
    case lying
    /// Answers a message as soon as it knows which one it is.
    case eager
    /// Closes at once.
    case closing
}
