// SPDX-License-Identifier: MIT

internal import LoopSimulation

/// A client of the HTTP storm: sends requests in pieces, and compares each answer with what was
/// asked.
final class HTTPScript {
    /// How it behaves.
    enum Manner: CaseIterable {
        /// Sends whole requests and reads every answer.
        case polite
        /// The same, and stays when everything is answered.
        case lingering
        /// As the polite one, and ends its side behind the last request.
        case halfClosing
        /// Reads now and then.
        case slow
        /// Sends and never reads.
        case deaf
        /// Sends a part of a head and nothing more.
        case unfinished
        /// Resets somewhere.
        case resetting
        /// Sends what is no request.
        case senseless
    }

    let manner: Manner
    private(set) var answered = 0
    private(set) var isOver = false
    private let peer: any StormPeer
    private let world: any StormWorld
    private let ledger: Ledger
    private var expected: [ResponseReader.Response] = []
    private var reader = ResponseReader()
    private var unsent: [UInt8] = []
    private let mustSucceed: Bool

    /// How many requests it makes.
    var requestCount: Int { expected.count }

    init(
        _ world: any StormWorld, _ ledger: Ledger, port: UInt16, _ manner: Manner, requests: Int,
        mustSucceed: Bool
    ) {
        self.world = world
        self.ledger = ledger
        self.manner = manner
        self.mustSucceed = mustSucceed
        peer = world.connect(to: port)
        for _ in 0..<requests { addRequest(isShort: requests > 20) }
        distort()
        // Weak: a run that is stopped frees scripts before their connections.
        peer.onConnected = { [weak self] in self?.begin() }
        peer.onBytes = { [weak self] bytes in self?.read(bytes) }
        peer.onEnd = { [weak self] end in self?.hear(end) }
        switch manner {
        case .deaf: peer.isReading = false
        case .slow: dawdle()
        case .resetting: cutLater()
        default: break
        }
    }

    // MARK: Asking

    private func addRequest(isShort: Bool) {
        let number = world.draw(below: 100_000)
        switch isShort ? 0 : world.draw(below: 5) {
        case 0: ask("GET /n/\(number) HTTP/1.1", status: 200, Array("n \(number)".utf8))
        case 1: ask("GET /slow/\(number) HTTP/1.1", status: 200, Array("slow \(number)".utf8))
        case 2: ask("GET /big/\(number) HTTP/1.1", status: 200, HTTPStorm.big(number))
        case 3: ask("GET /wide/\(number) HTTP/1.1", status: 200, HTTPStorm.big(number))
        default:
            let body = HTTPStorm.big(world.draw(below: 2000))
            ask("POST /echo HTTP/1.1\r\nContent-Length: \(body.count)", status: 200, body, body)
        }
    }

    private func ask(_ line: String, status: Int, _ answer: [UInt8], _ body: [UInt8] = []) {
        unsent += Array("\(line)\r\nHost: storm\r\n\r\n".utf8) + body
        expected.append(ResponseReader.Response(status: status, body: answer))
    }

    private func distort() {
        switch manner {
        case .unfinished: unsent = Array(unsent.prefix(1 + world.draw(below: 30)))
        case .senseless:
            unsent = (0..<1 + world.draw(below: 3000)).map { _ in UInt8(world.draw(below: 256)) }
        default: break
        }
    }

    private func begin() {
        peer.sendInPieces(unsent[...], of: 200, world, finishes: manner == .halfClosing)
    }

    private func cutLater() {
        peer.later(UInt64(world.draw(below: 200_000_000))) { [weak self] in
            self?.peer.reset()
            self?.isOver = true
        }
    }

    private func dawdle() {
        peer.later(UInt64(1 + world.draw(below: 400)) * 1_000_000) { [weak self] in
            self?.peer.isReading.toggle()
            self?.dawdle()
        }
    }

    // MARK: Answers

    private func read(_ bytes: [UInt8]) {
        reader.append(bytes)
        do throws(ResponseReader.Fault) {
            while let response = try reader.next() { compare(response) }
        } catch {
            ledger.complain("\(manner): \(error.sentence)")
            leave()
        }
        if answered == expected.count && manner != .senseless && manner != .lingering { leave() }
    }

    private func compare(_ response: ResponseReader.Response) {
        defer { answered += 1 }
        if manner == .senseless || manner == .unfinished {
            // Refused, in one way or another; whatever it is, it says so.
            ledger.expect(
                (400...505).contains(response.status),
                "\(manner) was answered with \(response.status)")
            return
        }
        guard answered < expected.count else {
            return ledger.complain("\(manner): an answer that nobody asked for")
        }
        if response == expected[answered] { return }
        // A server that stops, or a client that is too slow, may be told so with the last answer.
        var refusals = [408, 503]
        // What a box on the way cut off and ended is half a request.
        if world.mayHaveCutStreams { refusals.append(400) }
        let isRefusal = refusals.contains(response.status) && !mustSucceed
        ledger.expect(
            isRefusal,
            "\(manner): answer \(answered) is \(response.status), \(response.body.count) bytes,"
                + " expected were \(expected[answered].body.count)")
        if isRefusal { leave() }
    }

    private func hear(_ end: SimulatedPeer.End) {
        if mustSucceed {
            ledger.expect(
                answered == expected.count,
                "\(manner): \(answered) of \(expected.count) answers, then the end: \(end)")
        }
        leave()
    }

    /// Goes away.
    func leave() {
        isOver = true
        peer.close()
    }
}
