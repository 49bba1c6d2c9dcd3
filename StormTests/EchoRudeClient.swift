// SPDX-License-Identifier: MIT

internal import LoopSimulation

/// A client of an echo storm that misbehaves. Without TLS what comes back is still what it sent, as
/// far as it comes.
///
/// Threads: the simulation's.
final class EchoRudeClient {
    /// How it behaves.
    enum Manner: CaseIterable {
        /// Connects, and says nothing.
        case silent
        /// Sends, and never reads.
        case deaf
        /// Sends what means nothing.
        case senseless
        /// Sends the head of a TLS record, a handshake's, and less than it promises.
        case halfHello
        /// Ends its side behind a few bytes.
        case ending
        /// Resets somewhere.
        case resetting
    }

    let manner: Manner
    private(set) var isConnected = false
    var isOver: Bool { peer.isClosed }
    private let peer: any StormPeer
    private let world: any StormWorld
    private let ledger: Ledger
    private let isSecure: Bool
    private let bytes: [UInt8]
    /// What an echo still has to bring.
    private var expected: ArraySlice<UInt8>

    init(_ world: any StormWorld, _ ledger: Ledger, isSecure: Bool, port: UInt16) {
        self.world = world
        self.ledger = ledger
        self.isSecure = isSecure
        manner = Manner.allCases[world.draw(below: Manner.allCases.count)]
        bytes = Self.bytes(manner, world)
        expected = bytes[...]
        peer = world.connect(to: port)
        // Weak: a run that is stopped frees scripts before their connections.
        peer.onConnected = { [weak self] in self?.begin() }
        peer.onBytes = { [weak self] bytes in self?.compare(bytes) }
        peer.onEnd = { [weak self] _ in self?.leave() }
        if manner == .deaf { peer.isReading = false }
        if manner == .resetting {
            peer.later(UInt64(world.draw(below: 200_000_000))) { [weak self] in self?.peer.reset() }
        }
    }

    private static func bytes(_ manner: Manner, _ world: any StormWorld) -> [UInt8] {
        let most =
            switch manner {
            case .silent: 1
            case .halfHello, .ending: 500
            case .senseless, .resetting: 5_000
            case .deaf: 300_000
            }
        let noise = (0..<world.draw(below: most)).map { _ in UInt8(world.draw(below: 256)) }
        // A handshake, of TLS 1.0 as in every first record, 512 bytes. RFC 5246, section 6.2.1.
        return manner == .halfHello ? [22, 3, 1, 2, 0] + noise : noise
    }

    private func begin() {
        isConnected = true
        peer.sendInPieces(bytes[...], of: 2_000, world, finishes: manner == .ending)
    }

    private func compare(_ bytes: [UInt8]) {
        // With TLS an alert comes, or nothing.
        if isSecure { return }
        ledger.expect(
            expected.starts(with: bytes), "\(manner): \(bytes.count) bytes come back as others")
        expected = expected.dropFirst(bytes.count)
    }

    /// Goes away.
    func leave() { peer.close() }
}
