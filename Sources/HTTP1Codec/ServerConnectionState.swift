// SPDX-License-Identifier: MIT

/// What a server may do next on one connection: read, ask for the body, drop it, close (RFC 9110,
/// section 10.1.1; RFC 9112, section 9). Events in, answers out; no bytes, no clock.
///
/// Responses go out in the order of the requests, so of all requests that were read and not
/// answered only the last can have a body that is still coming.
///
/// ```swift
/// var state = ServerConnectionState()
/// state.receive(head)                       // a head was parsed
/// if state.wantBody() { send("HTTP/1.1 100 Continue\r\n\r\n") }
/// state.endBody()                           // BodyDecoder is complete
/// writer.field(.connection, state.mustSayClose(limits) ? "close" : "keep-alive")
/// switch state.endResponse(limits) { … }    // read, discard or close
/// ```
public struct ServerConnectionState: Equatable, Sendable, BitwiseCopyable {
    /// What comes after a response.
    public enum Step: UInt8, Sendable, BitwiseCopyable {
        /// Read the next request, or answer the next one that was read.
        case next
        /// Read what is left of the body and drop it; tell `discard` how much.
        case discardBody
        /// Send what is still to be sent, end our side, and read until the peer ends its own or a
        /// time limit is over: closing at once could destroy the answer (RFC 9112, section 9.6).
        case close
    }

    private enum Input: UInt8, Sendable, BitwiseCopyable {
        case head, body, ended
    }

    private var input = Input.head
    private var isLast = false
    private var waitsForContinue = false
    private var isDiscarding = false
    private var discardedByteCount: UInt64 = 0
    /// What is left of a body of known length; the greatest number for chunks.
    private var expectedByteCount: UInt64 = 0

    /// Requests that were read and not answered.
    public private(set) var unansweredCount = 0

    /// A connection on which nothing has come yet.
    public init() {}

    /// Whether the next request may be read: the last body has ended, the connection goes on, and
    /// fewer than `pipelineDepthMax` requests wait.
    public func mayReadRequest(_ limits: HTTPLimits) -> Bool {
        input == .head && !isLast && unansweredCount < limits.pipelineDepthMax
    }

    /// Whether bytes of a body are to be read: not before the client was asked to send them.
    public var mayReadBody: Bool { input == .body && !waitsForContinue }

    /// Whether nothing is under way: closing now loses nothing.
    public var isIdle: Bool { unansweredCount == 0 && input != .body && !isDiscarding }

    /// A head was read.
    public mutating func receive(_ head: RequestHead) {
        assert(input == .head)
        assert(!isLast)
        unansweredCount &+= 1
        if !head.keepsAlive { isLast = true }
        waitsForContinue = head.expectsContinue
        switch head.framing {
        case .none: return
        case .length(let byteCount): expectedByteCount = byteCount
        case .chunked, .untilClose: expectedByteCount = .max
        }
        input = .body
    }

    /// The body of the last request is wanted. True if "100 Continue" must be sent first: once, and
    /// only when all earlier requests are answered, because it must not overtake them; until then
    /// ask again after each response.
    public mutating func wantBody() -> Bool {
        guard waitsForContinue, input == .body, unansweredCount == 1 else { return false }
        waitsForContinue = false
        return true
    }

    /// Bytes of the body came although the client was not asked: it does not wait (RFC 9110,
    /// section 10.1.1), and "100 Continue" need not be sent.
    public mutating func receiveBodyUnasked() { waitsForContinue = false }

    /// The body of the last request has ended. What comes after it while its response is done is
    /// in the answer: `next` or `close`.
    @discardableResult
    public mutating func endBody() -> Step {
        assert(input == .body)
        input = .head
        waitsForContinue = false
        expectedByteCount = 0
        let wasDiscarding = isDiscarding
        isDiscarding = false
        discardedByteCount = 0
        return wasDiscarding && isLast ? .close : .next
    }

    /// A head was refused with `mustClose`: that is answered too, after those before it, and is the
    /// last answer. Nothing is read behind it.
    public mutating func receiveRefusedHead() {
        assert(input == .head)
        unansweredCount &+= 1
        isLast = true
        input = .ended
    }

    /// No further request is read: a shutdown, an upgrade. What was read is answered, its body
    /// included.
    public mutating func stopReading() {
        isLast = true
        if input == .head { input = .ended }
    }

    /// Bytes of the last body cannot be understood: neither it nor what follows is read.
    public mutating func breakOff() {
        isLast = true
        input = .ended
        waitsForContinue = false
        isDiscarding = false
    }

    /// The peer has ended its side. True if that was in the middle of a body: its request gets
    /// no answer that counts on it.
    public mutating func endInput() -> Bool {
        let isTruncated = input == .body
        breakOff()
        return isTruncated
    }

    /// Whether the response that is about to be written must say "Connection: close": it is the
    /// last, or what is left of the body will not be read.
    public func mustSayClose(_ limits: HTTPLimits) -> Bool {
        guard unansweredCount <= 1 else { return false }
        return isLast || (input == .body && !canDiscard(limits))
    }

    /// A response was written to its end; `saidClose` if it announced the end of the connection.
    public mutating func endResponse(_ limits: HTTPLimits, saidClose: Bool = false) -> Step {
        assert(unansweredCount > 0)
        unansweredCount &-= 1
        if saidClose { isLast = true }
        if saidClose || unansweredCount == 0 && input == .ended { return close() }
        if unansweredCount > 0 || input == .head && !isLast { return .next }
        if input == .head || isLast || !canDiscard(limits) { return close() }
        isDiscarding = true
        return .discardBody
    }

    /// So many bytes of the body were read and dropped, of its framing too. False if the connection
    /// must be closed instead of reading more.
    public mutating func discard(_ byteCount: Int, _ limits: HTTPLimits) -> Bool {
        assert(isDiscarding)
        discardedByteCount &+= UInt64(byteCount)
        if discardedByteCount <= limits.discardedByteCountMax { return true }
        _ = close()
        return false
    }

    /// What is left can be dropped if it is known to be little, or is not known to be much. Not if
    /// the client was never asked for it: it may send it or not, and what comes next would mean two
    /// things.
    private func canDiscard(_ limits: HTTPLimits) -> Bool {
        if waitsForContinue { return false }
        return expectedByteCount == .max || expectedByteCount <= limits.discardedByteCountMax
    }

    /// So many bytes of the body, without its framing, were read.
    public mutating func receiveBody(_ byteCount: Int) {
        if expectedByteCount == .max { return }
        expectedByteCount &-= min(expectedByteCount, UInt64(byteCount))
    }

    private mutating func close() -> Step {
        breakOff()
        return .close
    }
}
