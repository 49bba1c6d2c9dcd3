// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport

/// Decides which request gets which connection: one that is idle, a new one, or a place in a line.
/// Pure: no socket, no clock, no task. Same events, same answers.
///
/// | Guarantee | all operations                                                                   |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | never waits; nothing is shared                                                   |
/// | Order     | requests that wait for one origin are served first in, first out; over origins,  |
/// |           | the one that waits longest among those whose origin has room                     |
/// | Cost      | O(1) for an origin below its limits; O(origins) where another must make way;     |
/// |           | `cancelWait` O(requests that wait for the origin)                                |
/// | Memory    | O(connections + waiting requests), both bounded; an origin without any is gone   |
/// | Threads   | one owner at a time                                                              |
///
/// The newest idle connection is used first, so that the oldest ones get old and go.
struct OriginPool: Sendable {
    // Invariants: I1  connectionCount = entries of `connections` = Σ origins' connectionCount
    //             I2  idleCount = Σ origins' idle.count ≤ idleConnectionsMax
    //             I3  no request waits for an origin that has an idle connection
    //             I4  no request waits while its origin and the pool have room
    //             I5  an origin without connections and waiting requests is not in `origins`

    private struct Idle: Sendable {
        let id: ConnectionID
        let since: MonotonicInstant
    }

    private struct Origin: Sendable {
        /// The oldest first.
        var idle: [Idle] = []
        var waiting: [WaitTicket] = []
        var connectionCount = 0
        var isForgotten: Bool { connectionCount == 0 && waiting.isEmpty }
    }

    private let limits: PoolLimits
    private let idleNanoseconds: UInt64
    private var origins: [OriginKey: Origin] = [:]
    private var connections: [ConnectionID: OriginKey] = [:]
    private var lastNumber: UInt64 = 0
    private(set) var idleCount = 0
    private(set) var waitingCount = 0
    private(set) var isClosed = false

    /// An empty pool. Limits below what is possible count as the least possible.
    init(_ limits: PoolLimits) {
        var limits = limits
        limits.connectionsPerOriginMax = max(1, limits.connectionsPerOriginMax)
        limits.connectionsMax = max(1, limits.connectionsMax)
        limits.idleConnectionsMax = max(0, limits.idleConnectionsMax)
        limits.waitingRequestsMax = max(0, limits.waitingRequestsMax)
        self.limits = limits
        idleNanoseconds =
            MonotonicInstant(nanoseconds: 0).advanced(by: limits.idleTimeout).nanoseconds
    }

    /// Connections that are open or being opened.
    var connectionCount: Int { connections.count }

    /// Whether nothing is left: after `close`, the end.
    var isEmpty: Bool { connections.isEmpty && waitingCount == 0 }

    // MARK: Requests

    /// A request wants a connection. `isFresh`: not one that was used before, because that has
    /// just failed.
    mutating func acquire(_ key: OriginKey, isFresh: Bool) -> PoolDecision {
        if isClosed { return .refuseClosed }
        var origin = origins[key] ?? Origin()
        if !isFresh, let idle = origin.idle.popLast() {
            idleCount -= 1
            origins[key] = origin
            return .use(idle.id)
        }
        if origin.connectionCount < limits.connectionsPerOriginMax {
            if connectionCount < limits.connectionsMax { return .open(add(key), closing: nil) }
            if let oldest = removeOldestIdle() { return .open(add(key), closing: oldest) }
        } else if let oldest = origin.idle.first {
            drop(oldest.id)
            return .open(add(key), closing: oldest.id)
        }
        guard waitingCount < limits.waitingRequestsMax else { return .refuseFull }
        let ticket = WaitTicket(number: nextNumber())
        origin.waiting.append(ticket)
        origins[key] = origin
        waitingCount += 1
        return .wait(ticket)
    }

    /// A request does not wait any more; false if an action has named it already.
    mutating func cancelWait(_ ticket: WaitTicket, for key: OriginKey) -> Bool {
        guard var origin = origins[key],
            let index = origin.waiting.firstIndex(of: ticket)
        else { return false }
        origin.waiting.remove(at: index)
        waitingCount -= 1
        put(origin, key)
        return true
    }

    // MARK: Connections

    /// A connection's request is over, and it can take another one.
    mutating func giveBack(_ id: ConnectionID, now: MonotonicInstant) -> [PoolAction] {
        guard let key = connections[id], var origin = origins[key] else {
            preconditionFailure("only a connection that is in use can be given back")
        }
        assert(!origin.idle.contains { $0.id == id })
        if !origin.waiting.isEmpty && !isClosed {
            let ticket = origin.waiting.removeFirst()
            waitingCount -= 1
            origins[key] = origin
            return [.use(id, ticket)]
        }
        let mustMakeWay =
            waitingCount > 0 && connectionCount >= limits.connectionsMax
            && origins.values.contains { mayServe($0) }
        if isClosed || limits.idleConnectionsMax == 0 || mustMakeWay {
            return [.close(id)] + remove(id)
        }
        origin.idle.append(Idle(id: id, since: now))
        origins[key] = origin
        idleCount += 1
        guard idleCount > limits.idleConnectionsMax, let oldest = removeOldestIdle() else {
            return []
        }
        return [.close(oldest)] + serveWaiting()
    }

    /// A connection is gone: it could not be opened, broke, or was closed.
    mutating func remove(_ id: ConnectionID) -> [PoolAction] {
        drop(id)
        return serveWaiting()
    }

    // MARK: Time and end

    /// The idle connections whose time is over; they are not the pool's any more.
    mutating func expire(at now: MonotonicInstant) -> [PoolAction] {
        var ids: [ConnectionID] = []
        for origin in origins.values {
            for idle in origin.idle where idle.since.advanced(byNanoseconds: idleNanoseconds) <= now
            {
                ids.append(idle.id)
            }
        }
        for id in ids { drop(id) }
        return ids.map { .close($0) } + serveWaiting()
    }

    /// When the next idle connection's time is over; nil if there is none.
    var nextExpiry: MonotonicInstant? {
        origins.values.compactMap { $0.idle.first?.since }.min()?
            .advanced(byNanoseconds: idleNanoseconds)
    }

    /// Closes idle connections, refuses who waits, and takes no more requests. Those under way go
    /// on.
    mutating func close() -> [PoolAction] {
        isClosed = true
        let idle = origins.values.flatMap(\.idle).map(\.id)
        let waiting = origins.values.flatMap(\.waiting).sorted { $0.number < $1.number }
        for id in idle { drop(id) }
        for key in Array(origins.keys) {
            guard var origin = origins[key] else { continue }
            origin.waiting = []
            put(origin, key)
        }
        waitingCount = 0
        return idle.map { .close($0) } + waiting.map { .refuse($0) }
    }

    // MARK: Parts

    private mutating func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    private mutating func add(_ key: OriginKey) -> ConnectionID {
        let id = ConnectionID(number: nextNumber())
        connections[id] = key
        origins[key, default: Origin()].connectionCount += 1
        return id
    }

    /// Forgets a connection, in use or idle.
    private mutating func drop(_ id: ConnectionID) {
        guard let key = connections.removeValue(forKey: id), var origin = origins[key] else {
            preconditionFailure("a connection ends once")
        }
        if let index = origin.idle.firstIndex(where: { $0.id == id }) {
            origin.idle.remove(at: index)
            idleCount -= 1
        }
        origin.connectionCount -= 1
        put(origin, key)
    }

    private mutating func put(_ origin: Origin, _ key: OriginKey) {
        origins[key] = origin.isForgotten ? nil : origin
    }

    private mutating func removeOldestIdle() -> ConnectionID? {
        let first = origins.values.compactMap(\.idle.first)
        // The number decides among those of one instant, so that the answer is the same each time.
        let oldest = first.min { ($0.since, $0.id.number) < ($1.since, $1.id.number) }
        guard let oldest else { return nil }
        drop(oldest.id)
        return oldest.id
    }

    /// There may be room: those who wait longest may open connections.
    private mutating func serveWaiting() -> [PoolAction] {
        var actions: [PoolAction] = []
        while waitingCount > 0 && connectionCount < limits.connectionsMax {  // One each turn.
            let next = origins.filter { mayServe($0.value) }.min {
                first($0.value) < first($1.value)
            }
            guard let key = next?.key, let ticket = origins[key]?.waiting.removeFirst() else {
                return actions
            }
            waitingCount -= 1
            actions.append(.open(add(key), ticket))
        }
        return actions
    }

    private func mayServe(_ origin: Origin) -> Bool {
        !origin.waiting.isEmpty && origin.connectionCount < limits.connectionsPerOriginMax
    }

    private func first(_ origin: Origin) -> UInt64 { origin.waiting.first?.number ?? .max }

    /// The invariants, for tests.
    func checkInvariants() {
        let all = Array(origins.values)
        precondition(connections.count == all.reduce(0) { $0 + $1.connectionCount }, "I1")
        precondition(idleCount == all.reduce(0) { $0 + $1.idle.count }, "I2")
        precondition(idleCount <= limits.idleConnectionsMax, "I2")
        precondition(waitingCount == all.reduce(0) { $0 + $1.waiting.count }, "I3")
        precondition(waitingCount <= limits.waitingRequestsMax, "the line is bounded")
        precondition(connections.count <= limits.connectionsMax, "connections are bounded")
        for origin in all {
            precondition(origin.connectionCount <= limits.connectionsPerOriginMax, "per origin")
            precondition(origin.waiting.isEmpty || origin.idle.isEmpty, "I3")
            let hasRoom =
                origin.connectionCount < limits.connectionsPerOriginMax
                && connections.count < limits.connectionsMax
            precondition(origin.waiting.isEmpty || !hasRoom, "I4")
            precondition(!origin.isForgotten, "I5")
        }
    }
}
