// SPDX-License-Identifier: MIT

internal import CLinuxShims

// Trying the operations of one descriptor. Each function takes from the front of a queue until the
// kernel says EAGAIN, the queue is empty, or the descriptor has had its share of the turn.
extension EpollBackend {
    func servePolls(_ state: inout DescriptorState) {
        var index = state.polls.first
        while index != PendingTable.none {  // Ends: walks the queue once.
            let operation = unsafe pending.value[index]  // SAFETY: reads the record.
            index = unsafe operation.next  // SAFETY: as above.
            // SAFETY: a poll names no memory.
            guard let events = unsafe operation.request?.attempt() else { continue }
            let id = unsafe operation.id  // SAFETY: as above.
            pending.value.remove(id.index, from: &state.polls)
            finish(id, events)
        }
    }

    func serveWrites(_ state: inout DescriptorState) {
        while !state.writes.isEmpty {  // Ends: every turn takes one operation away or returns.
            let operation = unsafe pending.value[state.writes.first]  // SAFETY: reads the record.
            // SAFETY: promise 4 of the contract.
            guard let result = unsafe operation.request?.attempt() else {
                state.isWritable = false
                return
            }
            let id = unsafe operation.id  // SAFETY: as above.
            pending.value.remove(id.index, from: &state.writes)
            finish(id, result)
            // SAFETY: as above.
            if result < 0, case .connect = unsafe operation.request { state.isForeign = true }
        }
    }

    func serveReads(_ state: inout DescriptorState) {
        while state.isReadable && !state.reads.isEmpty {  // Ends: as above, or with the budget.
            let operation = unsafe pending.value[state.reads.first]  // SAFETY: reads the record.
            let id = unsafe operation.id  // SAFETY: as above.
            guard let request = unsafe operation.request else { return }  // SAFETY: as above.
            let isDone: Bool
            switch unsafe request {  // SAFETY: as above.
            case .receiveStream(let descriptor, _): isDone = fillBuffers(id, descriptor, &state)
            case .acceptStream: isDone = unsafe acceptAll(id, request, &state)  // SAFETY: as above.
            default: isDone = unsafe receiveOnce(id, request, &state)  // SAFETY: as above.
            }
            guard isDone else { return }
        }
    }

    /// One receive into the caller's memory; false if it must wait.
    private func receiveOnce(
        _ id: OperationID, _ request: Request, _ state: inout DescriptorState
    ) -> Bool {
        guard let result = unsafe request.attempt() else {  // SAFETY: promise 4.
            state.isReadable = false
            return false
        }
        let wanted: Int
        switch unsafe request {  // SAFETY: reads a word.
        case .receive(_, _, let count), .receiveDatagrams(_, _, let count): wanted = count
        default: wanted = 0
        }
        if result > 0 && result < wanted { noteShortRead(&state) }
        pending.value.remove(id.index, from: &state.reads)
        finish(id, result)
        return true
    }

    /// Receives into buffers; true if the stream is over.
    private func fillBuffers(
        _ id: OperationID, _ descriptor: Int32, _ state: inout DescriptorState
    ) -> Bool {
        for _ in 0..<Self.streamBudget {
            guard let open = openBuffer() else { return end(id, -Int32(MILLRACE_ENOBUFS), &state) }
            // SAFETY: no memory is touched yet.
            let room = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffers[open.number][open.fill...])
            // SAFETY: what lies behind the fill is nobody else's.
            let result = unsafe millrace_socket_receive(descriptor, room.baseAddress, room.count)
            guard result > 0 else {
                if result == -Int64(MILLRACE_EAGAIN) {
                    state.isReadable = false
                    return false
                }
                return end(id, Int32(clamping: result), &state)
            }
            let isKept = useOpenBuffer(open, byteCount: Int(result))
            let left = pending.value.count(Int(result), at: id.index)
            if left <= 0 { pending.value.remove(id.index, from: &state.reads) }
            finish(
                Completion(
                    id: id, result: Int32(result), buffer: open.number, hasMore: left > 0,
                    keepsBuffer: isKept))
            if left <= 0 { return true }
            if Int(result) < room.count { noteShortRead(&state) }
            if !state.isReadable { return false }
        }
        return false
    }

    /// The buffer that receives fill piece by piece; nil if none is free.
    private func openBuffer() -> OpenBuffer? {
        if let open = openedBuffer.value { return open }
        guard let number = freeBuffers.value.popLast() else { return nil }
        let open = OpenBuffer(number: number, fill: 0)
        openedBuffer.value = open
        return open
    }

    /// Notes that so many bytes came into the open buffer; whether it stays open: as long as half
    /// of it is free, so that small messages share a buffer and large ones are not cut small.
    private func useOpenBuffer(_ open: OpenBuffer, byteCount: Int) -> Bool {
        let fill = open.fill + byteCount
        let isKept = fill <= buffers.byteCount / 2
        openedBuffer.value = isKept ? OpenBuffer(number: open.number, fill: fill) : nil
        return isKept
    }

    /// Accepts connections; true if the listener failed.
    private func acceptAll(
        _ id: OperationID, _ request: Request, _ state: inout DescriptorState
    ) -> Bool {
        for _ in 0..<Self.acceptBudget {
            guard let result = unsafe request.attempt() else {  // SAFETY: names no memory.
                state.isReadable = false
                return false
            }
            guard result >= 0 else { return end(id, result, &state) }
            finish(Completion(id: id, result: result, hasMore: true))
        }
        return false
    }

    private func end(_ id: OperationID, _ result: Int32, _ state: inout DescriptorState) -> Bool {
        pending.value.remove(id.index, from: &state.reads)
        finish(id, result)
        return true
    }

    /// A stream socket that gave less than was asked is empty. epoll(7), "Questions and answers",
    /// 9. Where its end or an urgent byte was announced before, the next read tells, and no further
    /// edge will. A read also stops behind bytes that a Unix peer sends with descriptors, unix(7),
    /// which nobody here takes: the bytes behind those come with the next ones, or at the end.
    private func noteShortRead(_ state: inout DescriptorState) {
        if state.trustsShortReads { state.isReadable = false }
    }
}
