// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing

@testable import ConnectionPools

/// A pretended network that sends a machine random events, all of them possible, and checks every
/// action against what it knows.
struct PoolWorld {
    enum Life { case connecting, open, closing }

    struct Peer {
        var life = Life.connecting
        var wasEstablished = false
        var hasProgress = false
        var isDraining = false
        var isAborted = false
        /// Closed by the machine although nothing was wrong with it.
        var isQuiet = false
        /// Messages that this connection holds.
        var held = 0
    }

    var driver: PoolDriver
    var random: SplitMix64
    var peers: [ConnectionID: Peer] = [:]
    var dead: [ConnectionID] = []
    var lateTimers: [PoolTimer] = []
    var previousPause: UInt64 = 0
    var attemptsWithoutProgress = 0
    var isClosed = false
    var isFreshFailure = false
    var problems: [String] = []

    init(seed: UInt64) throws(PoolConfigurationError) {
        var random = SplitMix64(seed: seed)
        let maxConnections = Int.random(in: 1...5, using: &random)
        let attempts = Int.random(in: 0...12, using: &random)
        let idle: UInt64? = Bool.random(using: &random) ? 3 * second : nil
        driver = try PoolDriver(seed: random.next()) {
            $0.maxConnections = maxConnections
            $0.maxReconnectAttempts = attempts
            $0.idleTimeoutNanoseconds = idle
        }
        self.random = random
    }

    mutating func expect(_ condition: Bool, _ message: String) {
        if !condition { problems.append(message) }
    }

    mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &random) < percent
    }

    mutating func send(_ event: PoolEvent) {
        let timersBefore = driver.timers
        let wasFinished = driver.finishedCount > 0
        let backlog = driver.backlog
        driver.send(event)
        for (index, entry) in timersBefore where driver.timers[index]?.timer != entry.timer {
            lateTimers.append(entry.timer)
        }
        if wasFinished {
            let isAllowed = driver.actions.allSatisfy {
                if case .failAllPending = $0 { backlog > 0 } else { false }
            }
            expect(isAllowed, "an action after finished")
        }
        for action in driver.actions { check(action) }
        expect(peers.count <= driver.machine.configuration.maxConnections, "too many connections")
        expect(driver.finishedCount <= 1, "finished twice")
        expect(driver.finishedCount == 0 || peers.isEmpty, "finished too early")
        expect(driver.finishedCount == 0 || driver.timers.isEmpty, "a timer after finished")
    }

    mutating func check(_ action: PoolAction) {
        switch action {
        case .connect(let id, _):
            expect(!peers.keys.contains { $0.slot == id.slot }, "a slot used twice")
            expect(!dead.contains(id), "an epoch used twice")
            peers[id] = Peer()
            attemptsWithoutProgress += 1
            checkAttempts()
        case .serve(let id):
            expect(peers[id]?.life == .open, "serve on what is not open")
        case .drain(let id):
            expect(peers[id]?.life == .open, "drain of what is not open")
            expect(isClosed, "drains while open")
            peers[id]?.isDraining = true
        case .closeConnection(let id, let manner):
            expect(peers[id] != nil, "close of a dead connection")
            expect(peers[id]?.isAborted == false, "close after an abort")
            peers[id]?.life = .closing
            peers[id]?.isAborted = manner == .abort
            if manner == .graceful || isClosed { peers[id]?.isQuiet = true }
        case .startTimer(let timer, let instant):
            expect(instant > driver.now, "a timer in the past")
            checkPause(timer, instant)
        case .wakeConnections, .cancelTimer, .failAllPending, .finished:
            break
        }
    }

    /// While nothing that ever worked is open, attempts in a row are bounded.
    mutating func checkAttempts() {
        let configuration = driver.machine.configuration
        if peers.values.contains(where: \.hasProgress) { return }
        // Until the breaker opens, additional attempts may run beside the one that is left.
        let inTurn = max(configuration.maxReconnectAttempts + 1, configuration.breakerThreshold)
        let limit = inTurn + configuration.maxConnections
        expect(attemptsWithoutProgress <= limit, "\(attemptsWithoutProgress) attempts in a row")
    }

    mutating func checkPause(_ timer: PoolTimer, _ instant: MonotonicInstant) {
        let machine = driver.machine
        guard timer.index < machine.slots.count else { return }
        guard machine.slots[timer.index].state == .backingOff else { return }
        let failures = machine.failedAttempts
        let pause = instant.nanoseconds(since: driver.now)
        expect(failures > 0, "a pause without a failure")
        expect(pause <= machine.pauses.longest(afterFailures: failures), "too long a pause")
        // An event that comes later finds a part of the pause over.
        guard isFreshFailure else { return }
        expect(pause >= machine.pauses.shortest(afterFailures: failures), "too short a pause")
        let isCapped =
            machine.pauses.longest(afterFailures: failures)
            == machine.configuration.backoffCapNanoseconds
        expect(isCapped || pause >= previousPause, "a pause that shrank")
        previousPause = pause
    }

    mutating func forget() {
        attemptsWithoutProgress = 0
        previousPause = 0
    }

    mutating func end(_ id: ConnectionID) {
        guard let peer = peers.removeValue(forKey: id) else { return }
        dead.append(id)
        driver.backlog += peer.held
        isFreshFailure = peer.life != .closing
        defer { isFreshFailure = false }
        if peer.isQuiet { attemptsWithoutProgress -= 1 }
        if peer.wasEstablished {
            let hadProgress = peer.hasProgress || chance(20)
            if hadProgress { forget() }
            send(.disconnected(id, reset, hadProgress: hadProgress))
        } else {
            send(.connectFailed(id, refused))
        }
    }

    mutating func step() {
        driver.advance(UInt64.random(in: 0...5 * millisecond, using: &random))
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<20:
            if !isClosed { driver.backlog += Int.random(in: 1...600, using: &random) }
            send(.messageQueued)
        case 20..<70: stepPeer()
        case 70..<88: stepTimer()
        case 88..<97: stepLate()
        case 97 where chance(15):
            isClosed = true
            let later = UInt64.random(in: 0...4 * second, using: &random)
            send(.closeRequested(deadline: driver.now.advanced(byNanoseconds: later)))
        case 98 where chance(4):
            isClosed = true
            send(.shutdownRequested)
        default: driver.advance(second)
        }
        if driver.machine.sendError != nil { isClosed = true }
    }

    mutating func stepPeer() {
        guard let id = peers.keys.sorted(by: { $0.slot < $1.slot }).randomElement(using: &random)
        else { return }
        guard let peer = peers[id] else { return }
        switch peer.life {
        case .connecting:
            if chance(50) { return end(id) }
            peers[id]?.life = .open
            peers[id]?.wasEstablished = true
            send(.connected(id))
        case .closing:
            if !peer.wasEstablished, chance(30) {
                peers[id]?.wasEstablished = true
                return send(.connected(id))
            }
            end(id)
        case .open:
            work(id, peer)
        }
    }

    mutating func work(_ id: ConnectionID, _ peer: Peer) {
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            let taken = min(driver.backlog, 300)
            driver.backlog -= taken
            peers[id]?.held += taken
        case 1 where peer.held > 0:
            peers[id]?.held = 0
            peers[id]?.hasProgress = true
            forget()
            send(.madeProgress(id))
        case 2:
            if peer.isDraining, peer.held == 0 {
                peers[id]?.isDraining = false
                send(.drained(id))
            }
        default:
            if chance(40) { end(id) }
        }
    }

    mutating func stepTimer() {
        guard let index = driver.timers.keys.sorted().randomElement(using: &random) else { return }
        var activity = ConnectionActivity(lastTraffic: driver.now)
        if chance(30) { activity.isWritingSince = driver.now }
        if chance(30) { activity.isAwaitingSince = driver.now }
        guard let entry = driver.timers.removeValue(forKey: index) else { return }
        driver.now = max(driver.now, entry.at)
        lateTimers.append(entry.timer)
        send(.timerFired(entry.timer, activity: activity))
    }

    mutating func stepLate() {
        let before = driver.machine.statistics
        if let timer = lateTimers.randomElement(using: &random), chance(50) {
            send(.timerFired(timer, activity: nil))
        } else if let id = dead.randomElement(using: &random) {
            let events: [PoolEvent] = [
                .connected(id), .connectFailed(id, refused), .madeProgress(id), .drained(id),
                .disconnected(id, reset, hadProgress: true),
            ]
            if let event = events.randomElement(using: &random) { send(event) }
        } else {
            return
        }
        let after = driver.machine.statistics
        expect(after.lateEvents == before.lateEvents + 1, "a late event was taken")
        expect(after.failedAttempts <= before.failedAttempts, "a late event counted as failure")
    }

    /// Ends everything that is left.
    mutating func finish() {
        send(.shutdownRequested)
        for id in peers.keys.sorted(by: { $0.slot < $1.slot }) { end(id) }
        expect(driver.finishedCount == 1, "did not finish")
        expect(driver.backlog == 0, "messages without an outcome")
        let counts = driver.machine.statistics
        expect(counts.attempts == UInt64(dead.count), "attempts miscounted")
        expect(counts.disconnects + counts.connectFailures == counts.attempts, "ends miscounted")
        expect(counts.disconnects == counts.connects, "connections miscounted")
    }
}

@Suite("Pool machine: random events")
struct PoolRandomTests {
    @Test("100,000 random events break no rule, and every run finishes exactly once")
    func randomEvents() throws {
        // If this failed, some order of events would leak, exceed a limit, or never end.
        var gaveUp = 0
        var closed = 0
        for seed in UInt64(1)...500 {
            var world = try PoolWorld(seed: seed)
            for _ in 0..<200 { world.step() }
            world.finish()
            let problems = world.problems
            #expect(problems.isEmpty, "seed \(seed)")
            switch world.driver.machine.sendError {
            case .gaveUp: gaveUp += 1
            case .closed: closed += 1
            default: continue
            }
        }
        // The runs must reach the corners.
        #expect(gaveUp > 50)
        #expect(closed > 50)
    }
}
