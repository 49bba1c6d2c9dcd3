// SPDX-License-Identifier: MIT

public import AsyncRuntime
internal import Glibc
public import EventLoops
public import Networking

/// From listening to the stop: what the example servers have in common.
public struct ServerLife: Sendable {
    /// Why a server could not start.
    public struct StartFailure: Error, CustomStringConvertible {
        /// The reason, for people.
        public let description: String

        /// A failure for that reason.
        public init(_ description: String) { self.description = description }
    }

    /// How serving came to its end.
    public enum End: Sendable {
        /// Nobody asked for it: the listening socket broke.
        case broken
        /// A signal came, and what was under way has ended.
        case stopped
        /// A second signal came before that.
        case cut
        /// The time for it was over before that.
        case timedOut
    }

    private enum Event { case served, signalled, timedOut, other }

    private let endpoint: Endpoint
    private let home: LoopExecutor

    /// The life of a server on a group of loops.
    public init(at endpoint: Endpoint, on group: LoopGroup) {
        self.endpoint = endpoint
        home = group.executors[0]
    }

    // MARK: Beginning and end

    /// Opens a server on the first of the endpoint's addresses that can be listened on.
    public func open<Server: Sendable>(
        _ open: (SocketAddress) async throws(SystemError) -> Server
    ) async throws(StartFailure) -> Server {
        let addresses: [SocketAddress]
        do {
            addresses = try await Resolver.resolve(endpoint)
        } catch {
            throw StartFailure("cannot listen on \(error)")
        }
        var failure: SystemError?
        for address in addresses {
            do throws(SystemError) {
                return try await open(address)
            } catch {
                failure = failure ?? error
            }
        }
        throw StartFailure("cannot listen on \(endpoint): \(failure?.reason ?? "no address")")
    }

    /// Removes the file of a Unix socket, which outlives the socket.
    public func removeSocketFile() {
        // SAFETY: the path is NUL-terminated for the call.
        if case .unix(let path) = endpoint { _ = unsafe unlink(path) }
    }

    // MARK: Serving

    /// Serves until SIGINT or SIGTERM comes, then calls `stop` and waits until `serve` has
    /// returned, a second signal comes, or the limit is over. Whatever is left then is cancelled.
    ///
    /// `beside` runs as long; it is cancelled at the end.
    public func run(
        serve: @escaping @Sendable () async -> Void, beside: @escaping @Sendable () async -> Void,
        within limit: Duration? = nil, stop: () -> Void
    ) async -> End {
        await withTaskGroup(of: Event.self) { tasks in
            tasks.addTask(executorPreference: home) {
                await serve()
                return .served
            }
            tasks.addTask(executorPreference: home) { await Self.nextSignal() }
            tasks.addTask(executorPreference: home) {
                await beside()
                return .other
            }
            defer { tasks.cancelAll() }
            guard await Self.next(&tasks) == .signalled else { return .broken }
            stop()
            tasks.addTask(executorPreference: home) { await Self.nextSignal() }
            if let limit {
                tasks.addTask(executorPreference: home) {
                    try? await LoopTime.sleep(for: limit)
                    return .timedOut
                }
            }
            switch await Self.next(&tasks) {
            case .signalled: return .cut
            case .timedOut: return .timedOut
            case .served, .other: return .stopped
            }
        }
    }

    /// The next event that means something.
    private static func next(_ tasks: inout TaskGroup<Event>) async -> Event {
        while let event = await tasks.next() {  // Ends: there are few tasks.
            if event != .other { return event }
        }
        return .served
    }

    private static func nextSignal() async -> Event {
        do {
            let signals = try SignalStream([.interrupt, .terminate])
            _ = try await signals.next()
        } catch {
            // Cancelled: the run is over anyway.
        }
        return .signalled
    }
}
