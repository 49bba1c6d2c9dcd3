// SPDX-License-Identifier: MIT

/// What one call of `BodyDecoder.decode` found.
@frozen
public struct BodyStep: Equatable, Sendable, BitwiseCopyable {
    /// How many of the bytes are done with; the next call begins behind them.
    public internal(set) var consumedByteCount = 0
    /// The part of the body among them; empty if more bytes are needed, or behind the end.
    public internal(set) var payload = ByteRange.empty
    /// Whether the body has ended; what follows is the next message.
    public internal(set) var isComplete = false
    /// In the step that completes a chunked body: where its trailers lie. The records in the table
    /// are offsets from the first of these bytes.
    public internal(set) var trailerSection = ByteRange.empty

    /// A step that found nothing.
    public init() {}
}

/// Takes the body of one message out of the bytes behind its head (RFC 9112, sections 6 and 7).
///
/// | Guarantee | `decode`                                                                         |
/// |-----------|----------------------------------------------------------------------------------|
/// | Progress  | never waits; nothing is shared                                                   |
/// | Order     | the same payload or the same error, however the bytes are cut                    |
/// | Cost      | a body of known length: O(1); chunks: O(bytes of their lines); nothing is copied |
/// | Memory    | this value; trailers stay with the caller until they are complete                |
/// | Threads   | one owner at a time                                                              |
///
/// The caller calls with the bytes that it has not been told to drop. A step with payload: use it,
/// drop what is consumed, call again. One without: drop, and read more. An error ends the body and
/// the connection.
///
/// ```swift
/// var body = BodyDecoder(head.framing)
/// let step = try body.decode(bytes, limits: limits, trailers: &trailers)
/// use(bytes[step.payload])
/// ```
public struct BodyDecoder: Sendable, BitwiseCopyable {
    private enum Stage: UInt8, Sendable, BitwiseCopyable {
        case length, chunkLine, chunkData, chunkEnd, trailers, untilClose, complete
    }

    private var stage: Stage
    /// What is left of the body, or of the chunk.
    private var remaining: UInt64 = 0
    private var line = ChunkLine()
    private var trailerScanner = FieldScanner(.trailers, at: 0)

    /// Bytes of payload so far.
    public private(set) var payloadByteCount: UInt64 = 0

    /// A decoder for one body.
    public init(_ framing: BodyFraming) {
        switch framing {
        case .none: stage = .complete
        case .length(let byteCount):
            stage = byteCount == 0 ? .complete : .length
            remaining = byteCount
        case .chunked: stage = .chunkLine
        case .untilClose: stage = .untilClose
        }
    }

    /// Whether the body has ended.
    public var isComplete: Bool { stage == .complete }

    /// How many bytes the body, or the present chunk, still has; 0 between chunks.
    public var expectedByteCount: UInt64 { remaining }

    /// The stream has ended: right for a body that lasts until then, `truncated` for any other that
    /// is not complete.
    public mutating func finish() throws(HTTP1Error) {
        if stage != .complete && stage != .untilClose { throw .truncated }
        stage = .complete
    }

    /// Goes on with the bytes that follow those consumed so far. A table without places says that
    /// trailers are checked and dropped.
    public mutating func decode(
        _ bytes: Span<UInt8>, limits: HTTPLimits, trailers: inout FieldTable
    ) throws(HTTP1Error) -> BodyStep {
        // SAFETY: lent for the call.
        try unsafe bytes.withUnsafeBytes { (buffer) throws(HTTP1Error) in
            try unsafe decode(buffer, limits: limits, trailers: &trailers)
        }
    }

    /// Goes on with the bytes that follow those consumed so far. A table without places says that
    /// trailers are checked and dropped.
    public mutating func decode(
        _ buffer: UnsafeRawBufferPointer, limits: HTTPLimits, trailers: inout FieldTable
    ) throws(HTTP1Error) -> BodyStep {
        var step = BodyStep()
        step.isComplete = isComplete
        // SAFETY: lent for the call.
        guard let bytes = unsafe Bytes(buffer) else { return step }
        switch stage {
        case .length: takePayload(bytes, &step)
        case .untilClose: try takeAll(bytes, limits, &step)
        case .complete: break
        default: try takeChunks(bytes, limits, &trailers, &step)
        }
        step.isComplete = isComplete
        return step
    }

    private mutating func takePayload(_ bytes: Bytes, _ step: inout BodyStep) {
        let start = step.consumedByteCount
        let byteCount = Int(min(remaining, UInt64(bytes.count &- start)))
        step.payload = ByteRange(start, start &+ byteCount)
        step.consumedByteCount = start &+ byteCount
        remaining &-= UInt64(byteCount)
        payloadByteCount &+= UInt64(byteCount)
        if remaining == 0 { stage = stage == .length ? .complete : .chunkEnd }
    }

    private mutating func takeAll(
        _ bytes: Bytes, _ limits: HTTPLimits, _ step: inout BodyStep
    ) throws(HTTP1Error) {
        let room = limits.bodyByteCountMax &- min(payloadByteCount, limits.bodyByteCountMax)
        if UInt64(bytes.count) > room { throw .bodyTooLong }
        step.payload = ByteRange(0, bytes.count)
        step.consumedByteCount = bytes.count
        payloadByteCount &+= UInt64(bytes.count)
    }

    private mutating func takeChunks(
        _ bytes: Bytes, _ limits: HTTPLimits, _ trailers: inout FieldTable, _ step: inout BodyStep
    ) throws(HTTP1Error) {
        while step.consumedByteCount < bytes.count {  // Ends: goes on by a byte, or returns.
            switch stage {
            case .chunkLine:
                guard let size = try line.take(bytes, limits, &step.consumedByteCount) else {
                    return
                }
                try beginChunk(size, limits)
            case .chunkData:
                return takePayload(bytes, &step)
            case .chunkEnd:
                guard try takeChunkEnd(bytes, &step) else { return }
            default:
                return try takeTrailers(bytes, limits, &trailers, &step)
            }
        }
    }

    private mutating func beginChunk(_ size: UInt64, _ limits: HTTPLimits) throws(HTTP1Error) {
        remaining = size
        if size == 0 {
            stage = .trailers
            return
        }
        let room = limits.bodyByteCountMax &- min(payloadByteCount, limits.bodyByteCountMax)
        if size > room { throw .bodyTooLong }
        stage = .chunkData
    }

    /// CR LF behind a chunk's data; false if not all of it has come.
    private mutating func takeChunkEnd(
        _ bytes: Bytes, _ step: inout BodyStep
    ) throws(HTTP1Error) -> Bool {
        let index = step.consumedByteCount
        if bytes[index] != Ascii.carriageReturn { throw .badChunkEnd }
        guard index &+ 1 < bytes.count else { return false }
        if bytes[index &+ 1] != Ascii.lineFeed { throw .badChunkEnd }
        step.consumedByteCount = index &+ 2
        stage = .chunkLine
        return true
    }

    /// Trailers are not consumed before all of them have come, so that they lie together.
    private mutating func takeTrailers(
        _ bytes: Bytes, _ limits: HTTPLimits, _ trailers: inout FieldTable, _ step: inout BodyStep
    ) throws(HTTP1Error) {
        let start = step.consumedByteCount
        if trailerScanner.position == 0 { trailers.removeAll() }
        let section = bytes.suffix(from: start)
        guard try trailerScanner.scan(section, limits: limits, table: &trailers) else { return }
        let end = start &+ trailerScanner.position
        step.trailerSection = ByteRange(start, end)
        step.consumedByteCount = end
        stage = .complete
    }
}
