// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import EventLoops
internal import HTTP1Codec
internal import Networking

/// A client's part on one loop: the connections, who waits for them, and when they go.
///
/// Threads: the loop's own.
@safe
final class ClientLoop: @unchecked Sendable {
    // Invariants: I1  `idle` holds the connections that `pool` calls idle, and no others outside
    //                 of `giveBack`
    //             I2  a timer is set while there are idle connections

    let executor: LoopExecutor
    let configuration: HTTPClientConfiguration
    private let security: SecurityProvider
    private var pool: OriginPool
    private var idle: [ConnectionID: ClientConnection] = [:]
    private var waiters: [WaitTicket: PoolWaiter] = [:]
    private var timer: LoopTimer?
    /// Who waits for the end.
    // SAFETY: each is resumed once, by `endClosing`.
    private var closing: [UnsafeContinuation<Void, Never>] = unsafe []

    /// How often idle connections are looked at, whether their peers have closed them.
    private static var sweepNanoseconds: UInt64 { 1_000_000_000 }

    init(_ executor: LoopExecutor, _ configuration: HTTPClientConfiguration) {
        self.executor = executor
        self.configuration = configuration
        pool = OriginPool(configuration.pool)
        #if TLS
            security = ClientSecurity(configuration.tls)
        #else
            security = SecurityProvider()
        #endif
    }

    deinit {
        precondition(idle.isEmpty && timer == nil, "a client was dropped without being closed")
    }

    // MARK: Requests

    /// Performs one request of a chain of redirects.
    func perform<Value: Sendable>(
        _ trail: RedirectTrail, until deadline: MonotonicInstant,
        _ handle: @Sendable (ClientResponse) async throws -> Value
    ) async throws -> HopOutcome<Value> {
        let request = trail.request
        let key = OriginKey(
            origin: request.url.origin, proxy: configuration.proxies.proxy(for: request.url.origin))
        var retryCount = 0
        while true {  // Ends with an outcome, or after `retriesMax`.
            let connection = try await take(key, isFresh: retryCount > 0, until: deadline)
            let isReused = connection.exchangeCount > 0
            if Task.isCancelled {
                giveBack(connection, isKept: isReused)
                throw HTTPClientError.cancelled
            }
            connection.exchangeCount += 1
            let exchange = Exchange(connection, request, configuration, until: deadline)
            do {
                let outcome = try await exchange.run(redirectCount: trail.count) { response in
                    let location = response.fields[.location]
                    if let location, trail.isRedirect(status: response.status, location: location) {
                        return HopOutcome<Value>.redirect(response.status, location)
                    }
                    return .value(try await handle(response))
                }
                giveBack(connection, isKept: await exchange.end())
                return outcome
            } catch {
                exchange.fail()
                giveBack(connection, isKept: false)
                let mayRepeat = isReused && retryCount < configuration.retriesMax
                guard mayRepeat && exchange.mayRepeat(after: error) else { throw error }
                retryCount += 1
            }
        }
    }

    /// A connection for a request: idle, new, or one that is waited for.
    private func take(
        _ key: OriginKey, isFresh: Bool, until deadline: MonotonicInstant
    ) async throws(HTTPClientError) -> ClientConnection {
        while true {  // Ends: each turn finds a connection, drops a dead one, or throws.
            let found: PoolGrant
            switch pool.acquire(key, isFresh: isFresh) {
            case .use(let id): found = .use(takeIdle(id))
            case .open(let id, let victim):
                if let victim { takeIdle(victim).stream.finishAndClose() }
                found = .open(id)
            case .wait(let ticket): found = try await wait(ticket, key, until: deadline)
            case .refuseFull: throw .tooManyWaiting
            case .refuseClosed: throw .closed
            }
            switch found {
            case .use(let connection):
                if connection.isUsable { return connection }
                drop(connection)
            case .open(let id): return try await open(id, key, until: deadline)
            case .refused: throw .closed
            }
        }
    }

    private func open(
        _ id: ConnectionID, _ key: OriginKey, until deadline: MonotonicInstant
    ) async throws(HTTPClientError) -> ClientConnection {
        do throws(HTTPClientError) {
            return try await ClientConnection.open(
                id, key, configuration, security, until: deadline)
        } catch {
            act(pool.remove(id))
            throw error
        }
    }

    private func wait(
        _ ticket: WaitTicket, _ key: OriginKey, until deadline: MonotonicInstant
    ) async throws(HTTPClientError) -> PoolGrant {
        let waiter = PoolWaiter(Suspension(executor))
        waiters[ticket] = waiter
        let patience = MonotonicInstant.now.advanced(by: configuration.connectTimeout)
        while waiter.grant == nil {  // Ends with a grant, the limit, or the task.
            let result = await waiter.suspension.waitForSignal(until: min(deadline, patience))
            if result >= 0 || waiter.grant != nil { continue }
            waiters[ticket] = nil
            let wasWaiting = pool.cancelWait(ticket, for: key)
            assert(wasWaiting)
            guard SystemError(.sleep, code: -result).isTimeout else { throw .cancelled }
            throw .timedOut(deadline < patience ? .request : .waiting)
        }
        return waiter.grant ?? .refused
    }

    // MARK: Connections

    /// A request is over.
    private func giveBack(_ connection: ClientConnection, isKept: Bool) {
        guard isKept else { return drop(connection) }
        idle[connection.id] = connection
        act(pool.giveBack(connection.id, now: .now))
    }

    private func drop(_ connection: ClientConnection) {
        connection.stream.finishAndClose()
        act(pool.remove(connection.id))
    }

    private func takeIdle(_ id: ConnectionID) -> ClientConnection {
        guard let connection = idle.removeValue(forKey: id) else {
            preconditionFailure("an idle connection is here (I1)")
        }
        return connection
    }

    /// Does what the pool says.
    private func act(_ actions: [PoolAction]) {
        for action in actions {
            switch action {
            case .close(let id): takeIdle(id).stream.finishAndClose()
            case .use(let id, let ticket): grant(.use(takeIdle(id)), ticket)
            case .open(let id, let ticket): grant(.open(id), ticket)
            case .refuse(let ticket): grant(.refused, ticket)
            }
        }
        if !idle.isEmpty && timer == nil { setTimer() }
        if pool.isClosed && pool.isEmpty { endClosing() }
    }

    private func grant(_ grant: PoolGrant, _ ticket: WaitTicket) {
        guard let waiter = waiters.removeValue(forKey: ticket) else {
            preconditionFailure("who waits is here until it is told")
        }
        waiter.grant = grant
        waiter.suspension.signal()
    }

    // MARK: Time

    private func setTimer() {
        let soon = MonotonicInstant.now.advanced(byNanoseconds: Self.sweepNanoseconds)
        let deadline = min(soon, pool.nextExpiry ?? .never)
        // SAFETY: `self` lives until `close`, which takes the timer away.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        // SAFETY: as above.
        timer = unsafe executor.loop.schedule(at: deadline, context: context) {
            context, isStopped in
            // SAFETY: as above.
            let loop = unsafe Unmanaged<ClientLoop>.fromOpaque(context).takeUnretainedValue()
            loop.timer = nil
            loop.sweep()
        }
    }

    /// Closes idle connections whose time is over, and those whose peers have closed or broken
    /// them.
    private func sweep() {
        for connection in idle.values.filter({ !$0.isUsable }) { drop(takeIdle(connection.id)) }
        act(pool.expire(at: .now))
    }

    // MARK: The end

    /// Closes idle connections, refuses who waits, and returns when every connection is back.
    func close() async {
        act(pool.close())
        if let timer { executor.loop.cancel(timer) }
        timer = nil
        guard !pool.isEmpty else { return }
        // SAFETY: resumed once, by `endClosing`.
        unsafe await withUnsafeContinuation { unsafe closing.append($0) }
    }

    private func endClosing() {
        // SAFETY: taken out, and so resumed once.
        let ended = unsafe closing
        unsafe closing = []
        for index in unsafe ended.indices { unsafe ended[index].resume() }  // SAFETY: as above.
    }
}

/// What one request of a chain came to.
enum HopOutcome<Value: Sendable>: Sendable {
    case value(Value)
    case redirect(Int, String)
}

/// What a request gets that has waited.
enum PoolGrant {
    case use(ClientConnection)
    case open(ConnectionID)
    case refused
}

/// A request that waits for a connection. Its loop's thread only.
final class PoolWaiter {
    let suspension: Suspension
    var grant: PoolGrant?

    init(_ suspension: Suspension) {
        self.suspension = suspension
    }
}
