// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import AtomicSupport
internal import EventLoops
internal import HTTP1Codec
internal import Networking

extension Exchange {
    // MARK: The head

    /// Reads the answer's head; interim ones are passed over.
    func receive(_ redirectCount: Int) async throws(HTTPClientError) -> ClientResponse {
        var reader = ResponseHeadReader(to: request.knownMethod, configuration.limits)
        var interimCount = 0
        noteMove()
        while true {  // Ends with a final answer, an error, or too many interim ones.
            let count = try await consume { reader.take($0, &connection.fields) }
            if count == nil {
                throw hasReceived ? .malformed(.truncated) : .disconnected(nil)
            }
            guard let head = try reader.head() else { continue }
            if !head.isInterim { return try begin(head, reader.bytes, redirectCount) }
            interimCount += 1
            if interimCount > configuration.interimResponsesMax { throw .tooManyInterimResponses }
            if head.status == 100 { letContinue() }
            reader.reset()
        }
    }

    private func begin(
        _ head: ResponseHead, _ bytes: [UInt8], _ redirectCount: Int
    ) throws(HTTPClientError) -> ClientResponse {
        let fields = ReceivedFields(bytes, connection.fields)
        if head.switchesProtocol {
            guard let wanted = request.upgrade, let name = fields[.upgrade],
                name.isSameField(as: wanted)
            else { throw .unexpectedUpgrade }
        }
        if let refusal = head.refusal { throw .malformed(refusal) }
        self.head = head
        decoder = BodyDecoder(head.framing)
        #if Compression
            if RequestHeadBytes.asksForCodings(request, configuration), head.framing != .none {
                decompressor = try BodyDecompressor(fields, configuration.limits)
            }
        #endif
        return ClientResponse(
            status: head.status, versionMinor: head.versionMinor, fields: fields, url: request.url,
            redirectCount: redirectCount, body: ResponseBody(self))
    }

    /// The connection, after a switch to another protocol.
    var upgradedStream: StreamConnection? {
        head?.switchesProtocol == true ? connection.stream : nil
    }

    // MARK: The body

    /// How many bytes the body will have in all, as far as that is known.
    var bodyByteCount: UInt64? {
        #if Compression
            if decompressor != nil { return nil }
        #endif
        switch head?.framing {
        case nil, .some(.none): return 0
        case .length(let byteCount): return byteCount
        case .chunked, .untilClose: return nil
        }
    }

    /// The next bytes of the body; nil behind its end. An error is the last answer.
    @concurrent
    func nextChunk() async throws(HTTPClientError) -> [UInt8]? {
        if let bodyError { throw bodyError }
        do throws(HTTPClientError) {
            try checkOpen()
            noteMove()
            #if Compression
                if let decompressor { return try await nextDecoded(decompressor) }
            #endif
            return try await nextRaw()
        } catch {
            bodyError = error
            throw error
        }
    }

    #if Compression
        private func nextDecoded(
            _ decompressor: BodyDecompressor
        ) async throws(HTTPClientError) -> [UInt8]? {
            while true {  // Ends with bytes, the end or an error: each turn takes a piece.
                if let bytes = try decompressor.next() { return bytes }
                guard let piece = try await nextRaw() else {
                    try decompressor.finish()
                    return nil
                }
                decompressor.take(piece)
            }
        }
    #endif

    /// The next bytes as they are sent.
    private func nextRaw(
        until end: MonotonicInstant = .never
    ) async throws(HTTPClientError) -> [UInt8]? {
        var chunk: [UInt8] = []
        while true {  // Ends with bytes, the end of the body, or an error: each turn takes bytes.
            if try takeCarried(&chunk) { return chunk }
            if decoder.isComplete { return nil }
            var fault: HTTP1Error?
            let count = try await consume(until: end) { received in
                // SAFETY: lent for the call.
                unsafe received.withUnsafeBytes { unsafe take($0, &chunk, &fault) }
            }
            if let fault { throw .malformed(fault) }
            if count == nil { try finishStream() }
            if !chunk.isEmpty { return chunk }
        }
    }

    /// The stream has ended: the end of a body that lasts until then, else an error.
    private func finishStream() throws(HTTPClientError) {
        do throws(HTTP1Error) {
            try decoder.finish()
        } catch {
            throw .malformed(error)
        }
    }

    /// Takes what was received: payload goes to `chunk`. Answers how many bytes are done with.
    private func take(
        _ received: UnsafeRawBufferPointer, _ chunk: inout [UInt8], _ fault: inout HTTP1Error?
    ) -> Int {
        guard carriedStart == carried.count else {
            unsafe carried.append(contentsOf: received)  // SAFETY: copied while lent.
            return received.count
        }
        do throws(HTTP1Error) {
            let step = try unsafe decode(received)  // SAFETY: as above.
            // SAFETY: as above.
            unsafe chunk.append(contentsOf: received[step.payload])
            let used = step.consumedByteCount
            let mustCarry = step.payload.isEmpty && !step.isComplete && used < received.count
            guard mustCarry else {
                if step.isComplete && used < received.count { hasExtraBytes = true }
                return used
            }
            // Trailers and half a line end stay together until the rest has come.
            carried = unsafe Array(received[used...])  // SAFETY: as above.
            carriedStart = 0
            return received.count
        } catch {
            fault = error
            return received.count
        }
    }

    /// Goes on with the bytes that were carried; whether there is payload.
    private func takeCarried(_ chunk: inout [UInt8]) throws(HTTPClientError) -> Bool {
        while carriedStart < carried.count {  // Ends: each turn takes a byte or leaves.
            let step: BodyStep
            do throws(HTTP1Error) {
                let held = carried
                let rest = held.span.extracting(droppingFirst: carriedStart)
                // SAFETY: lent for the call.
                step = try unsafe rest.withUnsafeBytes { (bytes) throws(HTTP1Error) in
                    try unsafe decode(bytes)
                }
            } catch {
                throw .malformed(error)
            }
            let start = carriedStart
            carriedStart += step.consumedByteCount
            if step.isComplete && carriedStart < carried.count { hasExtraBytes = true }
            if !step.payload.isEmpty {
                chunk = Array(carried[start...][offsetBy: step.payload])
                return true
            }
            if step.isComplete || step.consumedByteCount == 0 { return false }
        }
        carried = []
        carriedStart = 0
        return false
    }

    private func decode(_ bytes: UnsafeRawBufferPointer) throws(HTTP1Error) -> BodyStep {
        // SAFETY: the caller's, for the call.
        let step = try unsafe decoder.decode(
            bytes, limits: configuration.limits, trailers: &connection.trailers)
        if !step.trailerSection.isEmpty, connection.trailers.count > 0 {
            // SAFETY: as above.
            receivedTrailers = unsafe ReceivedFields(
                Array(bytes[step.trailerSection]), connection.trailers)
        }
        return step
    }

    // MARK: The end

    /// Reads a little that is left of the body; whether the connection can take another request.
    func canBeKept() async -> Bool {
        guard isSent, let head, head.keepsAlive, !head.switchesProtocol, bodyError == nil else {
            return false
        }
        let byteCountMax = configuration.drainByteCountMax
        if decoder.expectedByteCount > UInt64(max(0, byteCountMax)) { return false }
        let end = MonotonicInstant.now.advanced(by: configuration.drainTimeout)
        var byteCount = 0
        do throws(HTTPClientError) {
            while let chunk = try await nextRaw(until: end) {  // Ends at the limit at the latest.
                byteCount += chunk.count
                if byteCount > byteCountMax { return false }
            }
        } catch {
            return false
        }
        return decoder.isComplete && !hasExtraBytes && connection.isUsable
    }
}

extension ArraySlice<UInt8> {
    /// The bytes of a range that counts from the slice's first.
    fileprivate subscript(offsetBy range: ByteRange) -> ArraySlice<UInt8> {
        self[(startIndex + range.lowerBound)..<(startIndex + range.upperBound)]
    }
}
