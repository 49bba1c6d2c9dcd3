// SPDX-License-Identifier: MIT

package import AsyncRuntime
public import AtomicSupport
internal import CLinuxShims
internal import EventLoops

extension StreamConnection {
    /// How many addresses one call takes.
    public static let addressesMax = 64

    /// Connects to one of several addresses of the same peer: to the first that answers. RFC 8305,
    /// "Happy Eyeballs Version 2".
    ///
    /// IPv6 and IPv4 addresses are tried in turn, beginning with the kind of the first, and of one
    /// kind in the order given (section 4). An attempt begins `attemptDelay` after the one before
    /// it, or as soon as any fails (section 5); all that have begun go on. The first success wins.
    /// The others are then cancelled in the kernel and closed, and are over when the call returns,
    /// as they are when it throws.
    ///
    /// Call it on a loop, where the connection will live. At most `addressesMax` addresses; with
    /// one this is `connect(to:)`.
    ///
    /// - Parameters:
    ///   - addresses: of one peer, the preferred one first.
    ///   - options: of the socket of each attempt.
    ///   - attemptDelay: RFC 8305, section 8: 250 ms, at least 10 ms; a smaller one counts as that.
    ///   - deadline: for all attempts together.
    /// - Throws: `ConnectFailure`, with every address that was tried and its reason.
    public static func connect(
        toAnyOf addresses: [SocketAddress], options: StreamOptions = StreamOptions(),
        attemptDelay: Duration = .milliseconds(250), until deadline: MonotonicInstant = .never
    ) async throws(ConnectFailure) -> StreamConnection {
        try await connect(
            toAnyOf: addresses, options: options, attemptDelay: attemptDelay, until: deadline,
            waitingOn: Suspension(Self.executorForConnecting), isWanted: { true })
    }

    /// Looks a name up and connects to one of its addresses, as `connect(toAnyOf:)`. The look-up,
    /// which may take seconds, counts towards the deadline; its thread goes on when the call is
    /// over before it. What RFC 8305, section 3 says of IPv6 answers that come before the others
    /// does not apply: the system's resolver gives them together.
    public static func connect(
        to endpoint: Endpoint, options: StreamOptions = StreamOptions(),
        attemptDelay: Duration = .milliseconds(250), until deadline: MonotonicInstant = .never
    ) async throws(ConnectFailure) -> StreamConnection {
        try await connect(
            to: endpoint, options: options, attemptDelay: attemptDelay, until: deadline,
            waitingOn: Suspension(Self.executorForConnecting), isWanted: { true })
    }

    /// The same, to be ended from outside: by `Suspension.cancel`, or when `isWanted`, which is
    /// asked after each wait, says no. Both are needed: a suspension remembers no cancellation that
    /// comes while nobody waits on it.
    package static func connect(
        to endpoint: Endpoint, options: StreamOptions, attemptDelay: Duration,
        until deadline: MonotonicInstant, waitingOn suspension: Suspension,
        isWanted: @escaping () -> Bool
    ) async throws(ConnectFailure) -> StreamConnection {
        let addresses = try await Resolver.resolve(
            endpoint, until: deadline, waitingOn: suspension)
        return try await connect(
            toAnyOf: addresses, options: options, attemptDelay: attemptDelay, until: deadline,
            waitingOn: suspension, isWanted: isWanted)
    }

    private static func connect(
        toAnyOf addresses: [SocketAddress], options: StreamOptions, attemptDelay: Duration,
        until deadline: MonotonicInstant, waitingOn suspension: Suspension,
        isWanted: @escaping () -> Bool
    ) async throws(ConnectFailure) -> StreamConnection {
        precondition(addresses.count <= addressesMax, "a race has at most 64 addresses")
        let order = ConnectionRace.interleaved(kinds: addresses.map(\.family))
        let driver = ConnectionRaceDriver(
            executorForConnecting, options: options, waitingOn: suspension, isWanted: isWanted)
        return try await driver.run(
            over: order.map { addresses[$0] }, attemptDelay: attemptDelay, until: deadline)
    }

    private static var executorForConnecting: LoopExecutor {
        guard let executor = LoopExecutor.current else {
            preconditionFailure("a connection is made on a loop")
        }
        return executor
    }
}
