// SPDX-License-Identifier: MIT

#if Examples
    internal import AtomicSupport
    internal import ConnectionPools

    /// Reads messages and hands them to the client, on a thread that may block.
    final class Producer: @unchecked Sendable {
        // Threads: `run` on one thread; the rest on any.
        private let client: PooledClient
        private let recorder: OutcomeRecorder
        private let rate: Int?
        private let stopped = Atomic<Bool>(false)
        private let complete = Atomic<Bool>(false)
        private let read = Atomic<Int>(0)

        init(client: PooledClient, recorder: OutcomeRecorder, rate: Int?) {
            self.client = client
            self.recorder = recorder
            self.rate = rate
        }

        /// How many messages were read.
        var readCount: Int { read.load(ordering: .relaxed) }

        /// Whether nothing more is to be read: it was stopped, or outcomes cannot be written.
        var isStopped: Bool { stopped.load(ordering: .relaxed) || recorder.isBroken }

        /// Whether the end of the input was reached.
        var isComplete: Bool { complete.load(ordering: .relaxed) }

        /// Stops reading, at the latest after a tenth of a second. The flag carries nothing, so it
        /// is relaxed.
        func stop() {
            stopped.store(true, ordering: .relaxed)
        }

        /// Sends every message of the source, until the end, a stop, or the client takes no more.
        @available(*, noasync, message: "this blocks the thread")
        func run(_ source: any MessageSource) throws(SourceFailure) {
            let start = MonotonicInstant.now
            var number: UInt64 = 0
            var isRefused = false
            while !isStopped && !isRefused {  // Ends with the input.
                if let rate { pace(number, since: start, rate: rate) }
                waitForRecorder()
                if isStopped { break }
                let isMore = try source.next { message in
                    isRefused = !self.send(message, number)
                }
                guard isMore else {
                    complete.store(!isStopped, ordering: .relaxed)
                    break
                }
                number += 1
                read.store(Int(number), ordering: .relaxed)
            }
        }

        private func send(_ message: RawSpan, _ number: UInt64) -> Bool {
            do throws(PoolError) {
                try client.blockingSend(message, ticket: MessageTicket(rawValue: number))
                return true
            } catch {
                recorder.refuse(number, error)
                return false
            }
        }

        /// Sleeps until the message is due, in slices, so that a stop is noticed.
        private func pace(_ number: UInt64, since start: MonotonicInstant, rate: Int) {
            let due = start.advanced(
                byNanoseconds: UInt64(Double(number) * 1e9 / Double(rate)))
            while !isStopped {  // Ends when the message is due.
                let now = MonotonicInstant.now
                guard now < due else { return }
                rest(until: min(due, now.advanced(byNanoseconds: 50_000_000)))
            }
        }

        private func waitForRecorder() {
            while recorder.isBehind && !isStopped {  // Ends when the writer has caught up.
                rest(until: .now.advanced(byNanoseconds: 5_000_000))
            }
        }

        private func rest(until deadline: MonotonicInstant) {
            let block = SharedBlock(byteCount: CacheLine.byteCount)
            // SAFETY: the zeroed word lives in `block` to the end of this call; nobody wakes it.
            let word = unsafe block.pointer(at: 0, to: Atomic<UInt32>.self)
            while unsafe Parking.wait(on: word, while: 0, until: deadline) {}  // SAFETY: as above.
        }
    }
#endif
