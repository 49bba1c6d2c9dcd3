// SPDX-License-Identifier: MIT

// The receive buffers that the streams of a loop share.
extension EventLoop {
    /// How many receive buffers are with streams alone.
    package var heldBuffers: Int { ledger.value.heldCount }

    /// How many blocks send streams have leased.
    package var leasedSendBlocks: Int { sendBlocks.value.leasedCount }

    /// Whether seven of eight receive buffers are with streams.
    var areBuffersScarce: Bool {
        let count = ledger.value.count
        return ledger.value.heldCount >= count - max(1, count / 8)
    }

    /// Notes the bytes that a completion carries; answers where in the buffer they begin.
    func take(_ buffer: UInt16, byteCount: Int32, isKept: Bool) -> Int32 {
        ledger.value.take(buffer, byteCount: byteCount, isKept: isKept)
    }

    /// Gives bytes back that `take` noted.
    func release(_ buffer: UInt16) {
        if ledger.value.release(buffer) { backend.recycle(buffer) }
    }

    /// Gives the bytes of a completion back that nobody wants.
    func dropBuffer(of completion: Completion) {
        guard let buffer = completion.buffer else { return }
        _ = take(buffer, byteCount: completion.result, isKept: completion.keepsBuffer)
        release(buffer)
    }

    /// Starts streams again that found no buffer, in the order in which they ran dry, as many as
    /// buffers are free. False if it started any: then the loop must not sleep yet, because those
    /// may never use their buffers, and one that could not be started has woken its reader.
    func rearmStarved() -> Bool {
        if starved.isEmpty { return true }
        let count = buffers.count
        if ledger.value.heldCount == count { spillHeld() }
        var free = count - ledger.value.heldCount
        let isAnyStarted = free > 0
        while free > 0 && !starved.isEmpty {  // Ends: the list is finite.
            starved.removeFirst().rearm()
            free -= 1
        }
        return !isAnyStarted
    }

    /// The buffers are all with streams that nobody reads, and another stream needs some: the bytes
    /// move to memory of their own, until there is a buffer for each stream that waits.
    private func spillHeld() {
        let target = max(0, ledger.value.heldCount - starved.count)
        var stream = firstStream
        while ledger.value.heldCount > target, let holder = stream {  // Ends: the list is finite.
            holder.spill()
            stream = holder.nextStream
        }
    }

    /// Starts the sends of what was appended in this turn; false if one was refused: its waiter was
    /// called, and may have given the next turn something to do.
    func sendQueued() -> Bool {
        let count = queuedSends.value.count
        guard count > 0 else { return true }
        var isSent = true
        for index in 0..<count where !queuedSends.value[index].sendQueued() { isSent = false }
        // What a waiter has queued meanwhile stays for the next turn.
        queuedSends.value.removeFirst(count)
        return isSent
    }

    func list(_ stream: ReceiveStream) {
        stream.nextStream = firstStream
        firstStream?.previousStream = stream
        firstStream = stream
    }

    func unlist(_ stream: ReceiveStream) {
        let next = stream.nextStream
        next?.previousStream = stream.previousStream
        if let previous = stream.previousStream {
            previous.nextStream = next
        } else {
            firstStream = next
        }
        stream.nextStream = nil
        stream.previousStream = nil
    }
}
