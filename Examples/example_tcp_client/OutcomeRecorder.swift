// SPDX-License-Identifier: MIT

#if Examples
    internal import AtomicSupport
    internal import ConnectionPools
    internal import ExampleSupport
    internal import WaitPrimitives

    /// Counts outcomes, and writes a line for each if that was asked for, on a thread of its own: a
    /// slow disk or reader must not stop the loops.
    final class OutcomeRecorder: @unchecked Sendable {
        // Edges: the lock's carry `pending`, `reasons` and `isEnded`. Counters are relaxed: numbers
        // for people.

        /// How many lines may wait to be written before reading pauses.
        static let pendingMax = 1 << 20

        private let block = SharedBlock(byteCount: CacheLine.byteCount)
        private let file: OutputFile?
        private var pending: [SettledMessage] = []
        private var refused: [(number: UInt64, word: String)] = []
        private var reasons: [String: Int] = [:]
        private var isEnded = false
        private var failure: OutputFile.Failure?
        private let broken = Atomic<Bool>(false)
        private let bell = AutoResetEvent()
        private let settled = Atomic<Int>(0)
        private let failed = Atomic<Int>(0)

        init(_ file: OutputFile?) {
            self.file = file
        }

        // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
        private var lock: InternalLock {
            unsafe InternalLock(block.pointer(at: 0, to: Atomic<UInt32>.self))
        }

        /// Takes what a client tells. On the loops' threads.
        func record(_ messages: Span<SettledMessage>) {
            settled.add(messages.count, ordering: .relaxed)
            if messages[0].outcome != .ok { failed.add(messages.count, ordering: .relaxed) }
            lock.withLock {
                if case .failed(let reason, _) = messages[0].outcome {
                    reasons[reason.word, default: 0] += messages.count
                }
                guard file != nil else { return }
                for index in messages.indices { pending.append(messages[index]) }
            }
            if file != nil { bell.set() }
        }

        /// A message that the client did not take.
        func refuse(_ number: UInt64, _ error: PoolError) {
            settled.add(1, ordering: .relaxed)
            failed.add(1, ordering: .relaxed)
            lock.withLock {
                reasons[error.word, default: 0] += 1
                if file != nil { refused.append((number, error.word)) }
            }
            if file != nil { bell.set() }
        }

        var settledCount: Int { settled.load(ordering: .relaxed) }
        var failedCount: Int { failed.load(ordering: .relaxed) }
        /// How many messages failed, by the reason's word.
        var failureCounts: [String: Int] { lock.withLock { reasons } }
        /// Why outcomes could not be written, if so.
        var writeFailure: OutputFile.Failure? { lock.withLock { failure } }

        /// Whether outcomes could not be written: nothing more should be sent. The flag carries
        /// nothing, so it is relaxed.
        var isBroken: Bool { broken.load(ordering: .relaxed) }

        /// Whether so much waits to be written that no more should be sent.
        var isBehind: Bool { file != nil && lock.withLock { pending.count > Self.pendingMax } }

        /// Writes until `end`; on a thread of its own.
        @available(*, noasync, message: "this blocks the thread")
        func writeLines() {
            guard let file else { return }
            while true {  // Ends after `end`, when everything was written.
                _ = bell.blockingWait(until: .now.advanced(byNanoseconds: 50_000_000))
                let (messages, refusals, isLast) = takePending()
                do throws(OutputFile.Failure) {
                    try write(messages, refusals, to: file)
                    if messages.isEmpty || isLast { try file.flush() }
                    if isLast { try file.close() }
                } catch {
                    lock.withLock { failure = failure ?? error }
                    broken.store(true, ordering: .relaxed)
                }
                if isLast { return }
            }
        }

        /// No more comes.
        func end() {
            lock.withLock { isEnded = true }
            bell.set()
        }

        private func takePending() -> ([SettledMessage], [(number: UInt64, word: String)], Bool) {
            lock.withLock {
                let taken = (pending, refused, isEnded)
                pending = []
                refused = []
                return taken
            }
        }

        private func write(
            _ messages: [SettledMessage], _ refusals: [(number: UInt64, word: String)],
            to file: OutputFile
        ) throws(OutputFile.Failure) {
            var text = OutcomeText()
            for message in messages {
                text.append(message)
                if text.bytes.count > 60_000 {
                    try file.write(text.bytes)
                    text.bytes.removeAll(keepingCapacity: true)
                }
            }
            for (number, word) in refusals { text.append(number, failedBecause: word) }
            if !text.bytes.isEmpty { try file.write(text.bytes) }
        }
    }

    /// Lines of outcomes: `ok NUMBER`, `failed NUMBER REASON`.
    struct OutcomeText {
        var bytes: [UInt8] = []

        mutating func append(_ message: SettledMessage) {
            switch message.outcome {
            case .ok:
                bytes.append(contentsOf: "ok ".utf8)
                append(message.ticket.rawValue)
                bytes.append(UInt8(ascii: "\n"))
            case .failed(let reason, _):
                append(message.ticket.rawValue, failedBecause: reason.word)
            }
        }

        mutating func append(_ number: UInt64, failedBecause word: String) {
            bytes.append(contentsOf: "failed ".utf8)
            append(number)
            bytes.append(UInt8(ascii: " "))
            bytes.append(contentsOf: word.utf8)
            bytes.append(UInt8(ascii: "\n"))
        }

        private mutating func append(_ number: UInt64) {
            let start = bytes.count
            var rest = number
            repeat {  // One turn for each digit.
                bytes.append(UInt8(ascii: "0") + UInt8(rest % 10))
                rest /= 10
            } while rest > 0
            bytes[start...].reverse()
        }
    }
#endif
