// SPDX-License-Identifier: MIT

internal import HTTP1Codec

/// Gathers the bytes of one response's head, and not one byte more.
struct ResponseHeadReader {
    private let limits: HTTPLimits
    private var parser: ResponseHeadParser
    private var outcome: Result<ResponseHead, HTTP1Error>?
    /// The head's bytes so far.
    private(set) var bytes: [UInt8] = []

    /// How many bytes are copied at a time while a head comes in pieces.
    private static var stepByteCount: Int { 1024 }

    init(to method: RequestMethod, _ limits: HTTPLimits) {
        self.limits = limits
        parser = ResponseHeadParser(to: method)
    }

    /// Makes it ready for the next response to the same request.
    mutating func reset() {
        parser.reset()
        outcome = nil
        bytes = []
    }

    /// The head, if it has come; what is wrong with it.
    func head() throws(HTTPClientError) -> ResponseHead? {
        switch outcome {
        case .success(let head): return head
        case .failure(let error): throw .malformed(error)
        case nil: return nil
        }
    }

    /// Takes what was received, up to the head's end; answers how many bytes that were.
    mutating func take(_ received: RawSpan, _ fields: inout FieldTable) -> Int {
        // SAFETY: lent for the call.
        unsafe received.withUnsafeBytes { unsafe take($0, &fields) }
    }

    private mutating func take(
        _ received: UnsafeRawBufferPointer, _ fields: inout FieldTable
    ) -> Int {
        if bytes.isEmpty {
            // SAFETY: lent for the call.
            outcome = unsafe parse(received, &fields)
            guard case .success(let head) = outcome else {
                // SAFETY: as above.
                if outcome == nil { unsafe bytes.append(contentsOf: received) }
                return received.count
            }
            // SAFETY: as above.
            unsafe bytes.append(contentsOf: received.prefix(head.byteCount))
            return head.byteCount
        }
        var used = 0
        while used < received.count && outcome == nil {  // Goes on by a byte or more.
            let step = min(Self.stepByteCount, received.count - used)
            // SAFETY: as above.
            unsafe bytes.append(contentsOf: received[used..<(used + step)])
            // SAFETY: as above.
            outcome = unsafe bytes.withUnsafeBytes { unsafe parse($0, &fields) }
            used += step
        }
        if case .success(let head) = outcome {
            used -= bytes.count - head.byteCount
            bytes.removeLast(bytes.count - head.byteCount)
        }
        return used
    }

    private mutating func parse(
        _ bytes: UnsafeRawBufferPointer, _ fields: inout FieldTable
    ) -> Result<ResponseHead, HTTP1Error>? {
        do throws(HTTP1Error) {
            // SAFETY: lent for the call.
            return try unsafe parser.parse(bytes, limits: limits, fields: &fields).map {
                .success($0)
            }
        } catch {
            return .failure(error)
        }
    }
}
