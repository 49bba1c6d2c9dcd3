// SPDX-License-Identifier: MIT

internal import LoopSimulation

/// The clients of an HTTP storm.
///
/// Threads: the simulation's.
final class HTTPClientsOfStorm: @unchecked Sendable {
    private let world: any StormWorld
    private let ledger: Ledger
    private let port: UInt16
    private var scripts: [HTTPScript] = []
    private var polite: [HTTPScript] = []

    init(_ world: any StormWorld, _ ledger: Ledger, port: UInt16) {
        self.world = world
        self.ledger = ledger
        self.port = port
    }

    /// So many come, over some time, each with one of these manners.
    func begin(
        _ count: Int, within time: Duration,
        manners: [HTTPScript.Manner] = HTTPScript.Manner.allCases
    ) {
        let milliseconds = Int(time / .milliseconds(1))
        for _ in 0..<count {
            world.later(UInt64(world.draw(below: milliseconds)) * 1_000_000) { [self] in
                scripts.append(
                    HTTPScript(
                        world, ledger, port: port, manners[world.draw(below: manners.count)],
                        requests: requestCount(), mustSucceed: false))
            }
        }
    }

    /// So many come at once, and must be served: the network is well.
    func beginPolite(_ count: Int) {
        for index in 0..<count {
            polite.append(
                HTTPScript(
                    world, ledger, port: port, index % 2 == 0 ? .polite : .halfClosing,
                    requests: requestCount(), mustSucceed: true))
        }
    }

    /// A few; now and then more than the server answers in one turn.
    private func requestCount() -> Int {
        world.draw(below: 16) == 0 ? 70 + world.draw(below: 150) : 1 + world.draw(below: 20)
    }

    /// How many of them came, and how many answers they got.
    var politeCount: Int { polite.count }
    var politeAnswerCount: Int { polite.reduce(0) { $0 + $1.answered } }

    func checkPolite() {
        for script in polite {
            ledger.expect(
                script.isOver && script.answered == script.requestCount,
                "\(script.manner): \(script.answered) of \(script.requestCount) answers when the"
                    + " network was well")
        }
    }

    func leave() {
        for script in scripts + polite { script.leave() }
    }
}
