// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops
internal import Networking
internal import WaitPrimitives

/// One life of one connection: connects, writes messages, settles them, and hands back what is
/// unsettled when the connection dies.
///
/// Threads: its executor's loop, except for `activity`, which the home loop reads.
@safe
final class ClientWorker: @unchecked Sendable {
    // Life: connecting → (writing ∥ reading) → ended. Whatever ends one of the two tasks closes the
    // connection, which ends the other; but when a peer that owes answers takes nothing any more,
    // what it has sent is read first, up to the end, which is certain and near.
    //
    // The three instants are relaxed: they are looked at when a timer fires, and a value that is a
    // little old only makes a limit a little longer.

    let core: ClientCore
    let id: ConnectionID
    let attempt: Int
    let executor: LoopExecutor

    var connection: StreamConnection?
    /// A connection whose ends do not yet agree on keys.
    private var opening: StreamConnection?
    private let ownWindow: LoopOwned<DeliveryWindow>
    private let ownSettled = LoopOwned<[SettledMessage]>([])
    var answers = AnswerParser()
    var endReason: ConnectionError?
    /// Why nothing can be written any more; the reader ends the connection.
    var writeFailure: ConnectionError?
    var hasProgress = false
    var isServing = false
    var isDraining = false
    var isFinishing = false
    var isShutDown = false
    /// What is being written.
    let pieces = GatherList(capacity: 256)
    /// Messages that the peer has answered before the kernel told that it took them whole: it may
    /// still read their memory.
    var answeredEarly: [(message: UInt64, endOffset: UInt64)] = []
    /// The bytes that the peer's kernel had acknowledged when it was last asked.
    var acknowledgedTotal: UInt64 = 0
    /// How often in a row a message was announced and not there yet.
    var fruitlessTurns = 0
    /// Some settled message had memory of its own, for which senders may be waiting.
    private var hasFreedMemory = false
    /// The writer sleeps here.
    let parking: Suspension
    /// Its wait for work.
    var ticket: WorkTicket
    private let connecting: Suspension

    private let lastTraffic = Atomic<UInt64>(0)
    private let writingSince = Atomic<UInt64>(0)
    private let awaitingSince = Atomic<UInt64>(0)

    init(core: ClientCore, id: ConnectionID, attempt: Int, executor: LoopExecutor) {
        self.core = core
        self.id = id
        self.attempt = attempt
        self.executor = executor
        ownWindow = LoopOwned(
            DeliveryWindow(
                mode: core.configuration.delivery,
                capacity: core.configuration.pool.windowCapacity))
        parking = Suspension(executor)
        ticket = WorkTicket(core, executor, waking: parking)
        connecting = Suspension(executor)
        settled.reserveCapacity(core.configuration.pool.windowCapacity)
    }

    /// What is in flight. Nothing that is called while it changes comes back to it.
    @inline(__always)
    var window: DeliveryWindow {
        _read { yield unsafe ownWindow.pointer.pointee }  // SAFETY: lives as long as `self`.
        _modify { yield unsafe &ownWindow.pointer.pointee }  // SAFETY: as above.
    }

    /// What has settled and was not yet told. As above.
    @inline(__always)
    var settled: [SettledMessage] {
        _read { yield unsafe ownSettled.pointer.pointee }  // SAFETY: lives as long as `self`.
        _modify { yield unsafe &ownSettled.pointer.pointee }  // SAFETY: as above.
    }

    /// The whole life.
    func run() async {
        do throws(ConnectionError) {
            connection = try await connect()
        } catch {
            core.report(.connectFailed(id, error))
            return
        }
        noteTraffic()
        core.report(.connected(id))
        await withDiscardingTaskGroup { tasks in
            tasks.addTask(executorPreference: executor) { await self.read() }
            tasks.addTask(executorPreference: executor) { await self.write() }
        }
        finish()
    }

    private func connect() async throws(ConnectionError) -> StreamConnection {
        if let endReason { throw endReason }
        let opened: StreamConnection
        do throws(ConnectFailure) {
            opened = try await StreamConnection.connect(
                to: core.endpoint, options: core.configuration.stream,
                attemptDelay: .milliseconds(250), until: .never, waitingOn: connecting,
                isWanted: { self.endReason == nil })
        } catch {
            if let endReason { throw endReason }
            if case .unresolved = error.cause { throw ConnectionError(.unreachable) }
            throw ConnectionError(during: error.summary)
        }
        #if TLS
            if let connectors = core.connectors { try await secure(opened, connectors) }
        #endif
        guard let endReason else { return opened }
        // Ended between the kernel's answer and now: `end` had no connection to close.
        opened.close()
        throw endReason
    }

    #if TLS
        private func secure(
            _ opened: StreamConnection, _ connectors: ClientConnectors
        ) async throws(ConnectionError) {
            opening = opened
            defer { opening = nil }
            do throws(HandshakeError) {
                try await connectors.secure(opened)
            } catch {
                opened.close()
                if let endReason { throw endReason }
                throw ConnectionError(during: error)
            }
        }
    #endif

    /// Closes the connection; the first reason stays.
    func end(_ reason: ConnectionError) {
        if endReason == nil {
            endReason = reason
            checkAcknowledged()
        }
        connection?.close()
        opening?.close()
        parking.signal()
    }

    private func finish() {
        let reason = endReason ?? ConnectionError(.peerClosed)
        // What the last write was told to have sent may be acknowledged already.
        settleAcknowledged()
        settleEarly(upTo: .max)  // No memory is the kernel's any more.
        core.takeBack(&window)
        connection = nil
        core.report(.disconnected(id, reason, hadProgress: hasProgress))
    }

    // MARK: Commands of the machine

    /// Take messages from here on.
    func serve() {
        isServing = true
        parking.signal()
    }

    /// Say when queue and window are empty.
    func drain() {
        isDraining = true
        parking.signal()
    }

    /// Close, politely or at once.
    func close(_ manner: CloseManner) {
        switch manner {
        case .graceful:
            isFinishing = true
            parking.signal()
        case .abort:
            end(ConnectionError(.cancelled))
            connecting.cancel()
        }
    }

    // MARK: Activity

    var activity: ConnectionActivity {
        ConnectionActivity(
            lastTraffic: MonotonicInstant(nanoseconds: lastTraffic.load(ordering: .relaxed)),
            isWritingSince: Self.instant(writingSince.load(ordering: .relaxed)),
            isAwaitingSince: Self.instant(awaitingSince.load(ordering: .relaxed)))
    }

    private static func instant(_ nanoseconds: UInt64) -> MonotonicInstant? {
        nanoseconds == 0 ? nil : MonotonicInstant(nanoseconds: nanoseconds)
    }

    func noteTraffic() {
        lastTraffic.store(executor.loop.now.nanoseconds, ordering: .relaxed)
    }

    /// Bytes were given to the kernel, or (false) none wait any more.
    func noteWriting(_ isWriting: Bool) {
        let since = isWriting ? executor.loop.now.nanoseconds : 0
        writingSince.store(since, ordering: .relaxed)
    }

    /// A message settled, or the first one was written: the limit counts from here. In `written`
    /// mode the limit of writing is all there is.
    func noteAwaiting() {
        let isAwaiting = !window.isEmpty && core.configuration.delivery != .written
        let since = isAwaiting ? executor.loop.now.nanoseconds : 0
        awaitingSince.store(since, ordering: .relaxed)
    }

    /// The peer has shown that it lives: failed attempts are forgotten.
    func noteProgress() {
        guard !hasProgress else { return }
        hasProgress = true
        core.report(.madeProgress(id))
    }

    /// Whether a message that is announced to this connection would be written by it.
    var takesMessages: Bool {
        isServing && !isFinishing && endReason == nil && writeFailure == nil
    }

    /// A message of the window has reached what the mode demands. `flushSettled` tells it.
    func settle(_ message: UInt64) {
        if core.store.isLong(message) { hasFreedMemory = true }
        settled.append(core.settle(message, .ok))
    }

    /// Hands the settled messages over.
    func flushSettled() {
        guard !settled.isEmpty else { return }
        core.deliver(settled.span)
        settled.removeAll(keepingCapacity: true)
        noteAwaiting()
        guard hasFreedMemory else { return }
        hasFreedMemory = false
        core.didFreeMemory()
    }
}

extension ConnectionError {
    /// The reason behind an errno.
    init(during error: SystemError) {
        let reason: FailureReason =
            switch Int(error.code) {
            case MILLRACE_ECONNREFUSED, MILLRACE_ENOENT: .refused
            case MILLRACE_ENETUNREACH, MILLRACE_EHOSTUNREACH: .unreachable
            case MILLRACE_ETIMEDOUT: error.operation == .connect ? .connectTimeout : .writeTimeout
            case MILLRACE_ECONNRESET, MILLRACE_EPIPE, MILLRACE_ECONNABORTED: .reset
            case MILLRACE_EMFILE, MILLRACE_ENFILE, MILLRACE_ENOBUFS, MILLRACE_ENOMEM,
                MILLRACE_EADDRNOTAVAIL:
                .noResources
            case MILLRACE_ECANCELED: .cancelled
            case MILLRACE_EPROTO: .security
            default: .systemError
            }
        self.init(reason, systemErrorNumber: error.code)
    }

    #if TLS
        /// The reason behind a handshake that failed.
        init(during error: HandshakeError) {
            switch error {
            case .system(let error): self.init(during: error)
            case .tls(let error):
                self.init(.security)
                security = error
            case .setup: self.init(.security)
            }
        }
    #endif
}
