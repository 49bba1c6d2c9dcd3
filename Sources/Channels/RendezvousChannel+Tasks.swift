// SPDX-License-Identifier: MIT

// The waits of tasks. Embedded Swift on Linux has no concurrency runtime, so they stand apart.

#if !hasFeature(Embedded)
    internal import AtomicSupport

    extension RendezvousChannel where Element: ~Copyable {
        /// Sends; the task is suspended until a receiver has the element. Nil: it has it; else
        /// `closed` or `cancelled`.
        public func send(
            _ element: consuming sending Element
        ) async -> sending SendRefusal<Element>? {
            guard let refused = place.handOver(element) else { return nil }
            let frame = TaskFrame(Carried(refused))
            let isGranted = await SenderSide(place: place).suspendTask(key: frame.key)
            guard let rest = frame.end() else { return nil }
            return SendRefusal(rest.element, isGranted ? .closed : .cancelled)
        }

        /// Receives; the task is suspended until a sender comes. Throws `closed` when none will, or
        /// `cancelled`.
        public func receive() async throws(ChannelError) -> sending Element {
            if let element = tryReceive() { return element }
            let frame = TaskFrame<Element>(nil)
            let isGranted = await ReceiverSide(place: place).suspendTask(key: frame.key)
            guard let taken = frame.end() else { throw isGranted ? .closed : .cancelled }
            return taken.element
        }
    }

    /// The cell of a waiting task, on the heap.
    @safe
    private struct TaskFrame<Element: ~Copyable>: ~Copyable, @unchecked Sendable {
        private let address: UnsafeMutablePointer<Carried<Element>?>

        init(_ content: consuming Carried<Element>?) {
            unsafe address = .allocate(capacity: 1)  // SAFETY: freed in `end`.
            // SAFETY: just allocated, and nobody else's before the wait.
            unsafe SharedCell(address).initialize(to: content)
        }

        var key: UInt64 { unsafe MeetingPlace<Element>.key(of: address) }  // SAFETY: a name.

        /// The content when the wait is over.
        consuming func end() -> Carried<Element>? {
            let content = unsafe SharedCell(address).move()  // SAFETY: nobody else's any more.
            unsafe address.deallocate()  // SAFETY: allocated in `init`, freed once.
            return content
        }
    }
#endif
