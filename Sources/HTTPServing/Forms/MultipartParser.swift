// SPDX-License-Identifier: MIT

import Glibc

/// Takes a `multipart/form-data` body apart, however it is cut. RFC 7578; RFC 2046, 5.1.1.
///
/// Pure and pulled: the caller feeds bytes and asks for events until `needsMore`, so it may wait
/// between two events and nothing piles up. Bytes of parts are never copied.
///
///     var position = 0
///     loop: while true {
///         switch try parser.next(in: input.span, at: &position) {
///         case .needsMore: break loop
///         case .bytes(let range): store(input[range])
///         case .heldBytes(let range): store(parser.delimiter[range])
///         …
///         }
///     }
///
/// | Guarantee | `next`                                                                          |
/// |-----------|---------------------------------------------------------------------------------|
/// | Cost      | O(bytes looked at); allocates for a part's head, never for its bytes            |
/// | Memory    | one head of at most `headByteCountMax` bytes                                    |
/// | Limits    | `MultipartLimits`, each with an error of its own                                |
/// | Threads   | one at a time                                                                   |
///
/// Heads end with CR LF; a bare LF is refused. After an error the parser is of no further use and
/// repeats it.
public struct MultipartParser: Sendable {
    /// CR LF "--" and the boundary: what separates the parts.
    public let delimiter: [UInt8]

    private enum State: Equatable {
        case preamble
        case boundaryEnd
        case boundaryDash
        case boundaryPadding
        case boundaryLine
        case head
        case body
        case epilogue
        case failed(MultipartError)
    }

    private let limits: MultipartLimits
    private var state = State.preamble
    /// How many bytes of the delimiter the input so far ends with. The line end before the first
    /// boundary need not be there, so it counts as seen.
    private var matchedCount = 2
    private var head: [UInt8] = []
    private var partCount = 0
    private var partByteCount: UInt64 = 0
    private var preambleByteCount = 0
    /// How many of the matched bytes were never there: the line end before the first boundary, or
    /// the one that ends a head, which may begin a boundary as well.
    private var assumedCount = 2

    /// A parser for a boundary as `MultipartBoundary.parse` finds it.
    public init(boundary: [UInt8], limits: MultipartLimits = MultipartLimits()) {
        precondition(
            MultipartBoundary.isValid(boundary.span), "the boundary is not of RFC 2046's form")
        delimiter = [0x0D, 0x0A, 0x2D, 0x2D] + boundary
        self.limits = limits
    }

    /// The next event; `position` moves on in the input.
    public mutating func next(
        in input: Span<UInt8>, at position: inout Int
    ) throws(MultipartError) -> MultipartEvent {
        if case .failed(let error) = state { throw error }
        do throws(MultipartError) {
            return try advance(input, &position)
        } catch {
            state = .failed(error)
            throw error
        }
    }

    /// Says that the body has ended.
    public func finish() throws(MultipartError) {
        if case .failed(let error) = state { throw error }
        guard state == .epilogue else { throw .truncated }
    }

    private mutating func advance(
        _ input: Span<UInt8>, _ position: inout Int
    ) throws(MultipartError) -> MultipartEvent {
        while position < input.count {  // Ends: every turn goes on, or changes the state forward.
            switch state {
            case .preamble, .body:
                if let event = try search(input, &position) { return event }
            case .boundaryEnd, .boundaryDash, .boundaryPadding, .boundaryLine:
                try endBoundary(input[position])
                position &+= 1
                if state == .epilogue { return .ended }
            case .head:
                if let event = try collectHead(input, &position) { return event }
            case .epilogue:
                position = input.count
            case .failed(let error):
                throw error
            }
        }
        return .needsMore
    }

    // MARK: Boundaries

    /// Looks for the delimiter; answers what lies before it.
    private mutating func search(
        _ input: Span<UInt8>, _ position: inout Int
    ) throws(MultipartError) -> MultipartEvent? {
        if matchedCount > 0 { return try resume(input, &position) }
        let start = position
        // Ends: every turn goes on by one byte or more.
        while let found = Self.carriageReturn(input, from: position) {
            let count = matchLength(input, from: found)
            if count == delimiter.count || found &+ count == input.count {
                matchedCount = count
                assumedCount = 0
                position = found &+ count
                // What lies before goes first; the match is dealt with by the next call.
                return try take(start..<found) ?? completed()
            }
            position = found &+ count
        }
        position = input.count
        return try take(start..<input.count)
    }

    /// Goes on with a delimiter whose beginning the input before had.
    private mutating func resume(
        _ input: Span<UInt8>, _ position: inout Int
    ) throws(MultipartError) -> MultipartEvent? {
        // Ends: one byte a turn.
        while matchedCount < delimiter.count, position < input.count,
            input[position] == delimiter[matchedCount]
        {
            matchedCount &+= 1
            position &+= 1
        }
        if let event = completed() { return event }
        if matchedCount == 0 || position == input.count { return nil }
        // No delimiter after all. CR is only its first byte, so no other one began inside it.
        let held = assumedCount..<matchedCount
        matchedCount = 0
        if state == .preamble {
            try skip(held.count)
            return nil
        }
        try grow(by: held.count)
        return held.isEmpty ? nil : .heldBytes(held)
    }

    /// What a complete delimiter means; nil if there is none, or if nothing has to be told.
    private mutating func completed() -> MultipartEvent? {
        guard matchedCount == delimiter.count else { return nil }
        matchedCount = 0
        let isInPart = state == .body
        state = .boundaryEnd
        return isInPart ? .partEnded : nil
    }

    /// Counts bytes of the part or the preamble.
    private mutating func take(_ range: Range<Int>) throws(MultipartError) -> MultipartEvent? {
        if range.isEmpty { return nil }
        if state == .preamble {
            try skip(range.count)
            return nil
        }
        try grow(by: range.count)
        return .bytes(range)
    }

    private mutating func skip(_ count: Int) throws(MultipartError) {
        preambleByteCount += count
        if preambleByteCount > limits.preambleByteCountMax { throw .preambleTooLong }
    }

    private mutating func grow(by count: Int) throws(MultipartError) {
        partByteCount += UInt64(count)
        if partByteCount > limits.partByteCountMax { throw .partTooLong }
    }

    /// How many bytes of the delimiter stand at a place, up to the input's end.
    private func matchLength(_ input: Span<UInt8>, from start: Int) -> Int {
        let most = min(delimiter.count, input.count &- start)
        var count = 1
        while count < most, input[start &+ count] == delimiter[count] { count &+= 1 }
        return count
    }

    private static func carriageReturn(_ input: Span<UInt8>, from start: Int) -> Int? {
        guard start < input.count else { return nil }
        // SAFETY: memchr reads inside the bytes that are lent for this call.
        return unsafe input.extracting(start..<input.count).withUnsafeBytes { rest -> Int? in
            guard let base = rest.baseAddress,
                let found = unsafe memchr(base, 0x0D, rest.count)
            else { return nil }
            // SAFETY: both point into the bytes.
            return unsafe start &+ (UnsafeRawPointer(found) - base)
        }
    }

    /// The bytes behind a boundary: "--" ends the body, blanks and a line end begin a part.
    private mutating func endBoundary(_ byte: UInt8) throws(MultipartError) {
        switch (state, byte) {
        case (.boundaryEnd, 0x2D): state = .boundaryDash
        case (.boundaryDash, 0x2D):
            state = .epilogue
        case (.boundaryEnd, 0x0D), (.boundaryPadding, 0x0D): state = .boundaryLine
        case (.boundaryEnd, 0x20), (.boundaryEnd, 0x09), (.boundaryPadding, 0x20),
            (.boundaryPadding, 0x09):
            state = .boundaryPadding
        case (.boundaryLine, 0x0A):
            partCount += 1
            guard partCount <= limits.partCountMax else { throw .tooManyParts }
            partByteCount = 0
            head.removeAll(keepingCapacity: true)
            state = .head
        default: throw .malformedBoundary
        }
    }

    // MARK: Heads

    private mutating func collectHead(
        _ input: Span<UInt8>, _ position: inout Int
    ) throws(MultipartError) -> MultipartEvent? {
        while position < input.count {  // Ends: one byte a turn.
            guard head.count < limits.headByteCountMax else { throw .headTooLong }
            head.append(input[position])
            position &+= 1
            guard head.last == 0x0A, head.count >= 2, head[head.count - 2] == 0x0D else { continue }
            // A head without fields is an empty line alone.
            let isEmptyLine =
                head.count == 2
                || head.count >= 4 && head[head.count - 3] == 0x0A && head[head.count - 4] == 0x0D
            if isEmptyLine {
                let parsed = try parsedHead()
                state = .body
                matchedCount = 2
                assumedCount = 2
                return .partBegan(parsed)
            }
        }
        return nil
    }

    /// The head without its empty line.
    private func parsedHead() throws(MultipartError) -> MultipartHead {
        try MultipartHead(
            head.span.extracting(droppingLast: 2), fieldCountMax: limits.headFieldCountMax)
    }
}
