// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import EventLoops
internal import HTTP1Codec
internal import Networking

extension Exchange {
    /// A body of at most so many bytes goes out together with its head.
    private static var inlineByteCountMax: Int { 8192 }

    /// Enqueues the head and a small body. If that is not all, `isSent` stays false.
    func startSending() throws(HTTPClientError) {
        let proxy = connection.isToProxy ? connection.key.proxy : nil
        var bytes = try RequestHeadBytes.bytes(of: request, proxy: proxy, configuration)
        let asksFirst = request.continueTimeout != nil && request.hasBody
        if asksFirst { gate = Suspension(executor) }
        var isWhole = !request.hasBody
        if case .bytes(let body) = request.body.content, !asksFirst,
            body.count <= Self.inlineByteCountMax
        {
            bytes += body
            isWhole = true
        }
        do throws(SystemError) {
            let count = try connection.stream.enqueue(bytes)
            if count < bytes.count { unsent = Array(bytes[count...]) }
        } catch {
            throw .disconnected(error)
        }
        sentWhole = isWhole
        isSent = isWhole && unsent.isEmpty
    }

    /// Sends the rest, in a task of its own.
    func sendRest() async {
        do {
            try await write(unsent)
            unsent = []
            if gate != nil {
                let isWanted = await waitForContinue()
                gate = nil
                guard isWanted else { return }
            }
            if !sentWhole { try await sendBody() }
            isSent = true
        } catch {
            noteSendFailure(error)
        }
    }

    private func sendBody() async throws {
        switch request.body.content {
        case .none: return
        case .bytes(let bytes): try await write(bytes)
        case .stream(let byteCount, let produce):
            try await produce(ClientBodyWriter(self))
            if let byteCount {
                guard sentByteCount == byteCount else { throw HTTPClientError.bodyLength }
            } else {
                try await write(Array("\(ChunkWriter.last)".utf8))
            }
        }
    }

    /// A server that is gone, or answers without reading on, is the reader's to find out. For
    /// everything else nobody would: the reader is told.
    private func noteSendFailure(_ error: any Error) {
        if isSendingStopped || hasSendFailed || Task.isCancelled { return }
        sendError = error
        breakOff()
    }

    /// Waits for "100 Continue", at most as long as the request says; false if the body is not
    /// wanted any more.
    private func waitForContinue() async -> Bool {
        guard let gate, let timeout = request.continueTimeout else { return true }
        let end = MonotonicInstant.now.advanced(by: timeout)
        while !mayContinue {  // Ends with the signal, the limit, or the task.
            let result = await gate.waitForSignal(until: end)
            if result < 0 {
                let isLate = SystemError(.sleep, code: -result).isTimeout
                return isLate && !isSendingStopped
            }
        }
        return !isSendingStopped
    }

    /// "100 Continue" has come.
    func letContinue() {
        mayContinue = true
        gate?.signal()
    }

    // MARK: What producers call

    /// Sends a piece of a body that is made while it is sent.
    @concurrent
    func writeBody(_ bytes: [UInt8]) async throws(HTTPClientError) {
        if bytes.isEmpty { return }
        guard case .stream(let byteCount, _) = request.body.content else {
            preconditionFailure("only such a body has a writer")
        }
        sentByteCount += UInt64(bytes.count)
        if let byteCount {
            if sentByteCount > byteCount { throw .bodyLength }
            return try await write(bytes)
        }
        // SAFETY: the callee writes at most the capacity, and says how much.
        let line = unsafe [UInt8](
            unsafeUninitializedCapacity: ChunkWriter.beginByteCountMax
        ) { memory, count in
            // SAFETY: as above.
            count =
                unsafe ChunkWriter.begin(
                    byteCount: bytes.count, into: UnsafeMutableRawBufferPointer(memory)) ?? 0
        }
        try await write(line)
        try await write(bytes)
        try await write([0x0D, 0x0A])
    }

    /// Sends bytes, waiting while the server takes none.
    private func write(_ bytes: [UInt8]) async throws(HTTPClientError) {
        var start = 0
        noteMove()
        while start < bytes.count {  // Ends: every turn sends bytes, waits, or throws.
            try checkOpen()
            if isSendingStopped { throw .over }
            let error: SystemError
            do throws(SystemError) {
                start += try connection.stream.enqueue(bytes, from: start)
                if start == bytes.count { return }
                try await connection.stream.waitForRoom(until: limit())
                noteMove()
                continue
            } catch let caught {
                error = caught
            }
            guard let failure = failure(error) else { continue }
            hasSendFailed = true
            throw failure
        }
    }
}
