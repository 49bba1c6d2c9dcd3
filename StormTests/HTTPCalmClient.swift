// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import LoopSimulation

/// A client that stops in the middle, and notes when the server has had enough; or one that reads
/// an answer that stops there.
final class HTTPCalmClient {
    /// Where it stops.
    enum Manner: Int {
        /// Before its first byte.
        case silent
        /// In a head.
        case halfHead
        /// In a body.
        case halfBody
        /// Behind an answer.
        case resting
        /// Before it reads anything of a long answer.
        case deaf
        /// It reads all of an answer that has no length, and that the handler breaks off.
        case brokenOff
    }

    /// What a limit may be late by: what the loop does in between, and the network's delay.
    private static let slackNanoseconds: UInt64 = 3_000_000_000
    /// How soon behind the last byte a break comes, where the client's system has everything.
    private static let breakNanoseconds: UInt64 = 500_000_000
    private static let longCount = 99_994
    /// More than both sides' buffers hold.
    static let longAnswerCount = 8

    let manner: Manner
    private let ledger: Ledger
    private let peer: any StormPeer
    private let least: UInt64
    private let most: UInt64
    private var reader = ResponseReader()
    /// An answer without a length is none for the reader.
    private var received: [UInt8] = []
    private var statuses: [Int] = []
    /// When it stopped, and when the server ended the connection.
    private var stopped = MonotonicInstant.now
    private var ended: MonotonicInstant?
    private var wasBroken = false

    init(
        _ world: any StormWorld, _ ledger: Ledger, port: UInt16, _ manner: Manner, least: Duration,
        most: Duration
    ) {
        self.manner = manner
        self.ledger = ledger
        self.least = UInt64(least / .nanoseconds(1))
        self.most = UInt64(most / .nanoseconds(1))
        peer = world.connect(to: port)
        if manner == .deaf { peer.isReading = false }
        // Weak: a run that is stopped frees scripts before their connections.
        peer.onConnected = { [weak self] in self?.begin() }
        peer.onBytes = { [weak self] bytes in self?.read(bytes) }
        peer.onEnd = { [weak self] end in self?.hear(end) }
    }

    private func hear(_ end: SimulatedPeer.End) {
        ended = .now
        if case .broken = end { wasBroken = true }
        peer.close()
    }

    private func begin() {
        stopped = .now
        switch manner {
        case .silent: break
        case .halfHead: send("GET /n/1 HTTP/1.1\r\nHost:")
        case .halfBody: send("POST /echo HTTP/1.1\r\nHost: storm\r\nContent-Length: 9\r\n\r\nabc")
        case .resting: send("GET /n/1 HTTP/1.1\r\nHost: storm\r\n\r\n")
        case .deaf:
            for _ in 0..<Self.longAnswerCount {
                send("GET /wide/\(Self.longCount) HTTP/1.1\r\nHost: storm\r\n\r\n")
            }
            // Who does not read hears of no end.
            peer.later(most + Self.slackNanoseconds) { [weak self] in self?.peer.isReading = true }
        case .brokenOff: send("GET /broken/\(Self.longCount) HTTP/1.0\r\n\r\n")
        }
    }

    private func send(_ text: String) { peer.send(Array(text.utf8)) }

    private func read(_ bytes: [UInt8]) {
        if manner == .brokenOff {
            received += bytes
            stopped = .now
            return
        }
        reader.append(bytes)
        do throws(ResponseReader.Fault) {
            while let response = try reader.next() { statuses.append(response.status) }
        } catch {
            ledger.complain("in the calm, \(manner): \(error.sentence)")
        }
        if manner == .resting { stopped = .now }
    }

    /// What it saw.
    func check() {
        if manner == .brokenOff { return checkBreak() }
        if manner == .deaf {
            return ledger.expect(
                wasBroken && statuses.count < Self.longAnswerCount,
                "in the calm, deaf: \(statuses.count) answers, broken: \(wasBroken)")
        }
        let due: [Int] =
            switch manner {
            case .silent, .deaf, .brokenOff: []
            case .halfHead, .halfBody: [408]
            case .resting: [200]
            }
        ledger.expect(statuses == due, "in the calm, \(manner): answers \(statuses), due \(due)")
        guard let ended else { return ledger.complain("in the calm, \(manner): never ended") }
        let lasted = ended.nanoseconds(since: stopped)
        ledger.expect(
            lasted + Self.slackNanoseconds >= least,
            "in the calm, \(manner): ended after \(lasted) ns, the limit is \(least)")
        ledger.expect(
            lasted <= most + Self.slackNanoseconds,
            "in the calm, \(manner): ended after \(lasted) ns, the limit is \(most)")
    }

    /// Everything that was written arrives before the break does, and the break soon after.
    private func checkBreak() {
        let end = received.firstRange(of: Array("\r\n\r\n".utf8))?.upperBound ?? 0
        ledger.expect(
            wasBroken && received[end...].elementsEqual(HTTPStorm.big(Self.longCount)),
            "in the calm, broken off: \(received.count - end) bytes, broken: \(wasBroken)")
        let lasted = ended.map { $0.nanoseconds(since: stopped) } ?? .max
        ledger.expect(
            lasted < Self.breakNanoseconds, "in the calm, broken off: told after \(lasted) ns")
    }
}
