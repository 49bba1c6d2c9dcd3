// SPDX-License-Identifier: MIT

internal import LoopSimulation

/// The clients of an echo storm that misbehave, beside those that are compared.
///
/// Threads: the simulation's.
final class EchoRudeClients: @unchecked Sendable {
    private let world: any StormWorld
    private let ledger: Ledger
    private let isSecure: Bool
    private let port: UInt16
    private var scripts: [EchoRudeClient] = []
    private var isOver = false

    init(_ world: any StormWorld, _ ledger: Ledger, isSecure: Bool, port: UInt16) {
        self.world = world
        self.ledger = ledger
        self.isSecure = isSecure
        self.port = port
    }

    /// So many come, over some time.
    func begin(_ count: Int, within time: Duration) {
        let milliseconds = Int(time / .milliseconds(1))
        for _ in 0..<count {
            world.later(UInt64(world.draw(below: milliseconds)) * 1_000_000) { [self] in
                if isOver { return }
                scripts.append(EchoRudeClient(world, ledger, isSecure: isSecure, port: port))
            }
        }
    }

    /// With TLS, who has not finished a handshake within its limit is not there any more.
    func checkLimit() {
        for script in scripts {
            ledger.expect(
                !script.isConnected || script.isOver || script.manner == .deaf,
                "\(script.manner): the server waits for a handshake beyond its limit")
        }
    }

    func leave() {
        isOver = true
        for script in scripts { script.leave() }
    }
}
