// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

/// Runs a `ConnectionRace` on a loop: starts, cancels and closes its attempts, and does not go
/// before each of them is over in the kernel.
///
/// Threads: the loop's own. Used once.
@safe
final class ConnectionRaceDriver {
    // Invariants: I1  openCount = attempts that were started, and neither adopted nor closed
    //             I2  `quiet` is set only while the race is over and openCount is not zero

    let executor: LoopExecutor
    private let options: StreamOptions
    /// Where the race waits for an answer or for its next start.
    private let bell: Suspension
    private let isWanted: () -> Bool
    private var attempts: [ConnectionAttempt] = []
    private var winner: StreamConnection?
    private var openCount = 0
    private var isOver = false
    private var quiet: UnsafeContinuation<Void, Never>?

    init(
        _ executor: LoopExecutor, options: StreamOptions, waitingOn bell: Suspension,
        isWanted: @escaping () -> Bool
    ) {
        self.executor = executor
        self.options = options
        self.bell = bell
        self.isWanted = isWanted
    }

    deinit {
        assert(openCount == 0)
    }

    /// The whole race over addresses, which are tried in this order.
    func run(
        over addresses: [SocketAddress], attemptDelay: Duration, until deadline: MonotonicInstant
    ) async throws(ConnectFailure) -> StreamConnection {
        var race = ConnectionRace(
            attemptCount: addresses.count,
            delayNanoseconds: MonotonicInstant(nanoseconds: 0).advanced(by: attemptDelay)
                .nanoseconds, deadline: deadline)
        attempts = addresses.map { ConnectionAttempt($0, driver: self) }
        var interruption = Int32(MILLRACE_ECANCELED)
        while true {  // Ends: each turn starts an attempt, waits for an answer, or leaves.
            if !isWanted() { race.noteCancellation() }
            lookAtAnswers(&race)
            switch race.step(at: .now) {
            case .start(let number):
                start(number, &race)
            case .wait(until: let instant):
                let result = await bell.waitForSignal(until: instant)
                if result < 0 && result != -Int32(MILLRACE_ETIMEDOUT) {
                    interruption = -result
                    race.noteCancellation()
                }
            case .finish(let ending):
                return try await finish(ending, interruption: interruption)
            }
        }
    }

    private func start(_ number: Int, _ race: inout ConnectionRace) {
        do throws(SystemError) {
            try attempts[number].start()
            openCount += 1
        } catch {
            attempts[number].reason = error
            race.noteFailure()
        }
    }

    /// Tells the race of answers that have come.
    private func lookAtAnswers(_ race: inout ConnectionRace) {
        for (number, attempt) in attempts.enumerated() where attempt.state == .answered {
            if attempt.result < 0 {
                attempt.reason = SystemError(.connect, code: 0 - attempt.result)
                attempt.close()
                race.noteFailure()
            } else if winner != nil {
                attempt.close()
            } else {
                adopt(number, &race)
            }
        }
    }

    private func adopt(_ number: Int, _ race: inout ConnectionRace) {
        let attempt = attempts[number]
        openCount -= 1
        do throws(SystemError) {
            winner = try StreamConnection(
                adopting: attempt.takeDescriptor(), options: options, isConnectedHere: true)
            race.noteSuccess(of: number)
        } catch {
            // The peer was gone already, or the options are refused.
            attempt.reason = error
            race.noteFailure()
        }
    }

    /// Ends what is under way, waits until it has ended, and answers.
    private func finish(
        _ ending: ConnectionRace.Ending, interruption: Int32
    ) async throws(ConnectFailure) -> StreamConnection {
        isOver = true
        let cause: ConnectFailure.Cause
        var code = interruption
        switch ending {
        case .won, .cancelled: cause = .cancelled
        case .allFailed: cause = .allFailed
        case .deadlineReached:
            cause = .deadlineReached
            code = Int32(MILLRACE_ETIMEDOUT)
        }
        for attempt in attempts where attempt.state == .connecting {
            attempt.reason = SystemError(.connect, code: code)
            attempt.cancel()
        }
        await waitUntilQuiet()
        if let winner { return winner }
        throw ConnectFailure(
            cause: cause,
            attempts: attempts.compactMap { attempt in
                attempt.reason.map { ConnectFailure.Attempt(address: attempt.address, reason: $0) }
            })
    }

    /// Not to be cut short: the kernel has the attempts' memory until then, and answers soon.
    private func waitUntilQuiet() async {
        guard openCount > 0 else { return }
        // SAFETY: resumed once, by `attemptEnded`, when the last attempt has ended.
        unsafe await withUnsafeContinuation { unsafe quiet = $0 }
    }

    // MARK: What attempts tell

    func attemptAnswered(_ attempt: ConnectionAttempt) {
        if isOver { attempt.close() } else { bell.signal() }
    }

    func attemptEnded() {
        openCount -= 1
        assert(openCount >= 0)
        // SAFETY: taken out once, below.
        guard openCount == 0, let quiet = unsafe quiet else { return }
        unsafe self.quiet = nil  // SAFETY: as above.
        unsafe quiet.resume()  // SAFETY: as above.
    }
}
