// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

#if TLS
    internal import Networking
#endif

// Clients that go away while a handler waits for something else.
//
// A reset tells it, and so does a socket that is closed in both directions. The end of the client's
// side alone does not: it is a legal end of what it sends, and the answer is still expected; a
// client that has closed its socket sends the same, and is found out only by its answer to what we
// send. Nothing is asked for a request that is answered at once but a place among the waiters.
extension HTTPConnection {
    #if TLS
        /// What the ends have agreed on; nil without TLS.
        var security: ConnectionSecurity? {
            (input.currentLayer as? TLSLayer).map { ConnectionSecurity($0.engine) }
        }
    #endif

    /// A task has the request: looks out for the end of the input, unless the task does.
    func watchPeer() {
        if !isInputLent { listenForEnd() }
    }

    /// The task waits for bytes itself.
    func lendInput() {
        isInputLent = true
        stopListening()
    }

    /// It has waited.
    func takeInputBack() {
        isInputLent = false
        if phase == .answering { watchPeer() }
    }

    /// The input has ended while a task has the request.
    func peerEnded() {
        guard phase == .answering, input.end != nil else { return }
        guard isPeerGone else {
            if worker.configuration.cancelsAtHalfClose { exchange?.leave() } else { watchHangUp() }
            return
        }
        guard output.breakage == nil, output.pendingByteCount > 0 else { return close() }
        // A layer's last words leave first.
        exchange?.leave()
        watchHangUp()
    }

    /// Whether the client gets nothing any more. With TLS, its end is one of both directions (RFC
    /// 5246, section 7.2.1).
    var isPeerGone: Bool {
        switch input.end {
        case .failed: true
        case .finished: output.failure != nil
        case nil: false
        }
    }

    /// The client has ended its side: looks out for a reset, or the end of the other side. Reading
    /// does not tell it any more, and io_uring's poll tells the first end again and again, so the
    /// socket is asked now and then.
    private func watchHangUp() {
        isWatchingHangUp = true
        wait(until: worker.now.advanced(byNanoseconds: Self.hangUpNanoseconds))
    }

    private static var hangUpNanoseconds: UInt64 { 100_000_000 }

    /// Time to ask.
    func lookForHangUp() {
        guard isWatchingHangUp else { return }
        if isPeerGone { return close() }
        let events = millrace_poll_now(descriptor, UInt32(MILLRACE_POLLHUP))
        if events == 0 { watchHangUp() } else { close() }
    }

    /// The answer is over; other limits count.
    func endHangUpWatch() {
        guard isWatchingHangUp else { return }
        isWatchingHangUp = false
        wait(until: .never)
    }
}
