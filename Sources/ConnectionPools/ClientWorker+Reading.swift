// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import EventLoops
internal import Networking

// What comes from the peer: answers in `confirmed` mode, else bytes that nobody asked for, which
// are dropped.
extension ClientWorker {
    func read() async {
        guard let connection else { return }
        do throws(SystemError) {
            while let _ = try await connection.consume({ bytes in self.take(bytes) }) {}
            end(writeFailure ?? ConnectionError(isFinishing ? .idle : .peerClosed))
        } catch {
            end(writeFailure ?? reason(of: error))
        }
    }

    /// What ended the connection; with TLS, what it says.
    func reason(of error: SystemError) -> ConnectionError {
        var reason = ConnectionError(during: error)
        #if TLS
            if reason.reason == .security { reason.security = connection?.securityFailure }
        #endif
        return reason
    }

    private func take(_ bytes: RawSpan) -> Int {
        noteTraffic()
        guard core.configuration.delivery == .confirmed else { return bytes.byteCount }
        // SAFETY: lent for the call.
        unsafe bytes.withUnsafeBytes { lent in
            unsafe answers.parse(lent) { word in unsafe confirm(word) }  // SAFETY: as above.
        }
        if !settled.isEmpty {
            noteProgress()
            flushSettled()
            parking.signal()
        }
        return bytes.byteCount
    }

    private func confirm(_ word: UnsafeRawBufferPointer?) {
        guard let word = unsafe word else {  // SAFETY: only compares with nil.
            ClientCounters.add(1, to: core.counters.unexpectedAnswers)
            return
        }
        let hash = unsafe KeyHash.hash(word, seed: core.keySeed)  // SAFETY: lent by the caller.
        let message = window.confirm(hash: hash) { other in
            unsafe core.store.key(other).elementsEqual(word)  // SAFETY: the window holds it.
        }
        guard let message else {
            ClientCounters.add(1, to: core.counters.unexpectedAnswers)
            return
        }
        let endOffset = window.lastConfirmedOffset
        if endOffset > window.writtenOffset {
            answeredEarly.append((message, endOffset))
            noteProgress()
        } else {
            settle(message)
        }
    }
}
