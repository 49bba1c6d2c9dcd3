// SPDX-License-Identifier: MIT

// The waits of tasks. Embedded Swift on Linux has no concurrency runtime, so they stand apart.

#if !hasFeature(Embedded)
    internal import WaitPrimitives

    extension BoundedChannel where Element: ~Copyable {
        /// Sends; the task is suspended until there is a place. Nil: it was accepted;
        /// else `closed` or `cancelled`.
        @inlinable
        public func send(
            _ element: consuming sending Element
        ) async -> sending SendRefusal<Element>? {
            guard let refused = push(element) else { return nil }
            return await sendSuspending(Carried(refused))
        }

        @usableFromInline
        func sendSuspending(
            _ carried: consuming Carried<Element>
        ) async -> sending SendRefusal<Element>? {
            var rest: Carried<Element>? = carried
            while true {  // Ends with a place, the close, or the cancellation.
                switch sendRound(&rest) {
                case .done: return nil
                case .over: return Self.refusal(&rest, .closed)
                case .soon:
                    if Task.isCancelled {
                        departures.notifyOne()  // I3
                        return Self.refusal(&rest, .cancelled)
                    }
                    await Task.yield()
                case .wait(let key):
                    do throws(CancellationError) {
                        try await departures.commitWait(key)
                    } catch {
                        return Self.refusal(&rest, .cancelled)
                    }
                }
            }
        }

        /// Takes the oldest element; the task is suspended until there is one. Throws `closed` when
        /// none will come, or `cancelled`.
        @inlinable
        public func receive() async throws(ChannelError) -> sending Element {
            if let element = tryReceive() { return element }
            return try await receiveSuspending()
        }

        @usableFromInline
        func receiveSuspending() async throws(ChannelError) -> sending Element {
            while true {  // Ends with an element, the end, or the cancellation.
                switch receiveRound() {
                case .done(let element): return element
                case .over: throw .closed
                case .soon:
                    if Task.isCancelled {
                        arrivals.notifyOne()  // I3
                        throw .cancelled
                    }
                    await Task.yield()
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
