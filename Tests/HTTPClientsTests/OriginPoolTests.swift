// SPDX-License-Identifier: MIT

import AtomicSupport
import StressSupport
import Testing

@testable import HTTPClients

/// An origin of that name.
func key(_ name: String) -> OriginKey {
    OriginKey(origin: HTTPOrigin(isSecure: false, host: name, port: 80), proxy: nil)
}

private func pool(
    perOrigin: Int = 2, connections: Int = 4, idle: Int = 3, waiting: Int = 2
) -> OriginPool {
    var limits = PoolLimits()
    limits.connectionsPerOriginMax = perOrigin
    limits.connectionsMax = connections
    limits.idleConnectionsMax = idle
    limits.waitingRequestsMax = waiting
    limits.idleTimeout = .seconds(10)
    return OriginPool(limits)
}

private func at(_ seconds: UInt64) -> MonotonicInstant {
    MonotonicInstant(nanoseconds: seconds * 1_000_000_000)
}

extension OriginPool {
    /// The number of a connection that must be opened.
    fileprivate mutating func opened(_ name: String) throws -> ConnectionID {
        guard case .open(let id, nil) = acquire(key(name), isFresh: false) else {
            throw Unexpected(what: "no connection is opened")
        }
        return id
    }

    fileprivate mutating func waiting(_ name: String) throws -> WaitTicket {
        guard case .wait(let ticket) = acquire(key(name), isFresh: false) else {
            throw Unexpected(what: "nobody waits")
        }
        return ticket
    }
}

struct Unexpected: Error { let what: String }

@Suite("The pool of an HTTP client's connections")
struct OriginPoolTests {
    @Test("The newest idle connection is used first")
    func newestFirst() throws {
        // If this failed, no connection would ever get old, and all would be kept for one request.
        var pool = pool()
        let first = try pool.opened("a")
        let second = try pool.opened("a")
        #expect(pool.giveBack(first, now: at(1)) == [])
        #expect(pool.giveBack(second, now: at(2)) == [])
        #expect(pool.acquire(key("a"), isFresh: false) == .use(second))
        #expect(pool.acquire(key("a"), isFresh: false) == .use(first))
        pool.checkInvariants()
    }

    @Test("Connections of one origin are never given to another")
    func originsApart() throws {
        // If this failed, a request would go to the wrong server, with its credentials.
        var pool = pool()
        let id = try pool.opened("a")
        _ = pool.giveBack(id, now: at(1))
        let other = try pool.opened("b")
        #expect(other != id)
        let secure = OriginKey(
            origin: HTTPOrigin(isSecure: true, host: "a", port: 80), proxy: nil)
        #expect(pool.acquire(secure, isFresh: false) != .use(id))
        let proxied = OriginKey(origin: key("a").origin, proxy: try HTTPProxy("p:1"))
        #expect(pool.acquire(proxied, isFresh: false) != .use(id))
    }

    @Test("At an origin's limit requests wait in order, and beyond the line are refused")
    func line() throws {
        // If this failed, a server would be flooded, requests would overtake, or wait without end.
        var pool = pool()
        let first = try pool.opened("a")
        _ = try pool.opened("a")
        let one = try pool.waiting("a")
        let two = try pool.waiting("a")
        #expect(pool.acquire(key("a"), isFresh: false) == .refuseFull)
        #expect(pool.giveBack(first, now: at(1)) == [.use(first, one)])
        let actions = pool.remove(first)
        guard case .open(_, two) = actions.first else {
            Issue.record("the second in the line may open one: \(actions)")
            return
        }
        pool.checkInvariants()
    }

    @Test("A request that does not wait any more is passed over")
    func cancelling() throws {
        // If this failed, a connection would be given to nobody, and be lost.
        var pool = pool()
        let first = try pool.opened("a")
        _ = try pool.opened("a")
        let one = try pool.waiting("a")
        let two = try pool.waiting("a")
        let wasWaiting = pool.cancelWait(one, for: key("a"))
        let waitsStill = pool.cancelWait(one, for: key("a"))
        #expect(wasWaiting && !waitsStill)
        #expect(pool.giveBack(first, now: at(1)) == [.use(first, two)])
        #expect(pool.waitingCount == 0)
    }

    @Test("At the limit of all an idle connection makes way")
    func makingWay() throws {
        // If this failed, idle connections to some servers would keep requests to others out.
        var pool = pool()
        let first = try pool.opened("a")
        let second = try pool.opened("a")
        _ = try pool.opened("b")
        _ = try pool.opened("b")
        let waiting = try pool.waiting("c")
        // One that comes back makes way at once, because somebody waits.
        let actions = pool.giveBack(first, now: at(1))
        #expect(actions.first == .close(first))
        guard case .open(_, waiting) = actions.last else {
            Issue.record("who waits may open one: \(actions)")
            return
        }
        _ = pool.giveBack(second, now: at(2))
        guard case .open(_, closing: second) = pool.acquire(key("d"), isFresh: false) else {
            Issue.record("the idle one makes way")
            return
        }
        pool.checkInvariants()
    }

    @Test("A fresh connection is not one that was used before")
    func fresh() throws {
        // If this failed, a retry would run into the next dead connection.
        var pool = pool(perOrigin: 1)
        let first = try pool.opened("a")
        _ = pool.giveBack(first, now: at(1))
        guard case .open(let id, closing: first) = pool.acquire(key("a"), isFresh: true) else {
            Issue.record("a new one takes the place of the idle one")
            return
        }
        #expect(id != first)
        pool.checkInvariants()
    }

    @Test("Idle connections are bounded in number and time")
    func idleBounds() throws {
        // If this failed, connections would be kept for ever.
        var pool = pool(perOrigin: 4, connections: 4, idle: 2)
        let ids = try (0..<3).map { _ in try pool.opened("a") }
        #expect(pool.nextExpiry == nil)
        #expect(pool.giveBack(ids[0], now: at(1)) == [])
        #expect(pool.giveBack(ids[1], now: at(2)) == [])
        #expect(pool.giveBack(ids[2], now: at(3)) == [.close(ids[0])])
        #expect(pool.nextExpiry == at(12))
        #expect(pool.expire(at: at(11)) == [])
        #expect(pool.expire(at: at(12)) == [.close(ids[1])])
        #expect(pool.expire(at: at(13)) == [.close(ids[2])])
        #expect(pool.isEmpty)
    }

    @Test("A closed pool refuses, and is empty when the last connection is back")
    func closing() throws {
        // If this failed, `close` would return too early, or never.
        var pool = pool()
        let idle = try pool.opened("a")
        let busy = try pool.opened("a")
        let ticket = try pool.waiting("a")
        #expect(pool.giveBack(idle, now: at(1)) == [.use(idle, ticket)])
        #expect(pool.giveBack(idle, now: at(1)) == [])
        #expect(pool.close() == [.close(idle)])
        #expect(pool.acquire(key("a"), isFresh: false) == .refuseClosed)
        #expect(!pool.isEmpty)
        #expect(pool.giveBack(busy, now: at(2)) == [.close(busy)])
        #expect(pool.isEmpty)
    }

    @Test("Random events keep the bounds, and everybody who waits is answered")
    func random() {
        // If this failed, a bound would not hold, or a request would be forgotten in the line.
        for seed in UInt64(0)..<60 {
            var world = PoolWorld(seed: seed)
            for _ in 0..<400 { world.step() }
            world.end()
            #expect(world.problems == [], "seed \(seed)")
        }
    }
}

/// Requests that come, wait, end and fail by chance.
private struct PoolWorld {
    var random: SplitMix64
    var pool: OriginPool
    var now: UInt64 = 0
    var busy: [ConnectionID: OriginKey] = [:]
    var idle: Set<ConnectionID> = []
    var waiting: [WaitTicket: OriginKey] = [:]
    var problems: [String] = []

    init(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        pool = HTTPClientsTests.pool(
            perOrigin: Int.random(in: 1...3, using: &random),
            connections: Int.random(in: 1...6, using: &random),
            idle: Int.random(in: 0...3, using: &random),
            waiting: Int.random(in: 0...5, using: &random))
        self.random = random
    }

    mutating func step() {
        now += UInt64.random(in: 0...2, using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5: acquire()
        case 5, 6:
            if let id = busy.keys.sorted(by: { $0.number < $1.number }).first { giveBack(id) }
        case 7:
            if let id = busy.keys.sorted(by: { $0.number > $1.number }).first { remove(id) }
        case 8:
            if let (ticket, key) = waiting.min(by: { $0.key.number < $1.key.number }) {
                if !pool.cancelWait(ticket, for: key) { problems.append("it waits") }
                waiting[ticket] = nil
            }
        default: act(pool.expire(at: at(now)))
        }
        pool.checkInvariants()
        if pool.connectionCount != busy.count + idle.count { problems.append("connections") }
        if pool.waitingCount != waiting.count { problems.append("waiting") }
    }

    mutating func acquire() {
        let name = key(["a", "b", "c"][Int.random(in: 0..<3, using: &random)])
        switch pool.acquire(name, isFresh: Bool.random(using: &random)) {
        case .use(let id):
            if idle.remove(id) == nil { problems.append("used, and not idle") }
            busy[id] = name
        case .open(let id, let victim):
            if let victim, idle.remove(victim) == nil { problems.append("no victim") }
            busy[id] = name
        case .wait(let ticket): waiting[ticket] = name
        case .refuseFull: break
        case .refuseClosed: problems.append("it is open")
        }
    }

    mutating func giveBack(_ id: ConnectionID) {
        busy[id] = nil
        idle.insert(id)
        act(pool.giveBack(id, now: at(now)))
    }

    mutating func remove(_ id: ConnectionID) {
        busy[id] = nil
        act(pool.remove(id))
    }

    mutating func act(_ actions: [PoolAction]) {
        for action in actions {
            switch action {
            case .close(let id):
                if idle.remove(id) == nil { problems.append("closed, and not idle") }
            case .use(let id, let ticket):
                guard let name = waiting.removeValue(forKey: ticket) else {
                    problems.append("nobody waits")
                    continue
                }
                if idle.remove(id) == nil { problems.append("not free") }
                busy[id] = name
            case .open(let id, let ticket): busy[id] = waiting.removeValue(forKey: ticket)
            case .refuse: problems.append("it is open")
            }
        }
    }

    /// Everything comes back: then nobody waits.
    mutating func end() {
        while let id = busy.keys.min(by: { $0.number < $1.number }) { remove(id) }
        if !waiting.isEmpty { problems.append("\(waiting.count) wait for ever") }
        act(pool.close())
        if !pool.isEmpty || !idle.isEmpty { problems.append("something is left") }
    }
}
