// SPDX-License-Identifier: MIT

// The waits of tasks. Embedded Swift on Linux has no concurrency runtime, so they stand apart.

#if !hasFeature(Embedded)
    public import ConcurrentQueues
    internal import WaitPrimitives

    extension BroadcastChannel {
        /// Sends; the task lets others run while somebody copies the element that is to be
        /// overwritten. Nil: it was accepted; else `closed` or `cancelled`.
        public func send(_ element: Element) async -> SendRefusal<Element>? {
            while true {  // Ends when the copy is made, with the close, or the cancellation.
                guard let refusal = trySend(element) else { return nil }
                if refusal.reason == .closed { return refusal }
                if Task.isCancelled { return SendRefusal(element, .cancelled) }
                await Task.yield()
            }
        }

        /// Gives a subscriber the next element, or says how many it has missed; the task is
        /// suspended until there is something. Throws `closed` when nothing will come, or
        /// `cancelled`.
        public func receive(
            by cursor: inout BroadcastCursor
        ) async throws(ChannelError) -> BroadcastDelivery<Element> {
            while true {  // Ends with a delivery, the end, or the cancellation.
                switch receiveRound(by: &cursor) {
                case .done(let delivery): return delivery
                case .over: throw .closed
                case .wait(let key):
                    do throws(CancellationError) {
                        try await arrivals.commitWait(key)
                    } catch {
                        throw .cancelled
                    }
                }
            }
        }
    }
#endif
