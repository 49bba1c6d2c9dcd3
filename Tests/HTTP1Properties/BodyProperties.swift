// SPDX-License-Identifier: MIT

import HTTP1Codec

/// What came of decoding a body.
struct DecodedBody: Equatable {
    var payload: [UInt8] = []
    var trailers: [Pair] = []
    /// With the framing; nil if it is not complete.
    var byteCount: Int?
    var error: HTTP1Error?
}

/// What must hold of decoding bodies.
enum BodyProperties {
    static func violation(of bytes: [UInt8], _ cuts: inout Cuts) -> String? {
        violation(of: bytes, .chunked, &cuts)
    }

    static func violation(
        of bytes: [UInt8], _ framing: BodyFraming, _ cuts: inout Cuts
    ) -> String? {
        let whole = decode(bytes, framing, endingAt: [bytes.count])
        if let byteCount = whole.byteCount, byteCount > bytes.count {
            return "more bytes were consumed than there are"
        }
        for ends in cuts.ways() {
            let parts = decode(bytes, framing, endingAt: ends)
            if parts != whole { return "body cut at \(ends): \(parts), whole: \(whole)" }
        }
        if framing == .chunked {
            let naive = NaiveChunks.decode(bytes)
            if (naive != nil) != (whole.byteCount != nil) {
                return "plainly \(naive == nil ? "wrong or incomplete" : "good"), found: \(whole)"
            }
            if let naive, naive != whole.payload { return "another payload" }
            if whole.byteCount != nil { return roundTrip(whole) }
        }
        return nil
    }

    /// The payload written in chunks again, and its trailers, is the same body.
    private static func roundTrip(_ body: DecodedBody) -> String? {
        let capacity =
            body.payload.count * 12 + 100
            + body.trailers.reduce(0) {
                $0 + $1.name.count + $1.value.count + 4
            }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 1)
        defer { unsafe memory.deallocate() }  // SAFETY: nobody keeps it.
        var count = 0
        var position = 0
        while position < body.payload.count {
            let size = min(body.payload.count - position, position % 7 + 1)
            // SAFETY: there is room for all chunks, all of these.
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[count...])
            let line =
                unsafe size % 2 == 0
                ? ChunkWriter.begin(byteCount: size, into: rest)
                : ChunkWriter.beginFixed(byteCount: size, into: rest)
            count += line ?? 0
            for byte in body.payload[position..<(position + size)] + [13, 10] {
                unsafe memory[count] = byte  // SAFETY: as above.
                count += 1
            }
            position += size
        }
        // SAFETY: as above.
        let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[count...])
        var writer = unsafe HeadWriter(rest)  // SAFETY: as above.
        writer.lines(ChunkWriter.lastBeforeTrailers)
        for pair in body.trailers { writer.field(pair.name.span, pair.value.span) }
        guard let last = try? writer.end() else { return "trailers could not be written" }
        let bytes = unsafe Array(memory[..<(count + last)])  // SAFETY: as above.
        let again = decode(bytes, .chunked, endingAt: [bytes.count])
        let isSame = again.payload == body.payload && again.trailers == body.trailers
        return isSame && again.byteCount == bytes.count ? nil : "written again: \(again)"
    }

    static func decode(_ bytes: [UInt8], _ framing: BodyFraming, endingAt ends: [Int])
        -> DecodedBody
    {
        var decoder = BodyDecoder(framing)
        var table = FieldTable(capacity: 40)
        let limits = HTTPLimits()
        var result = DecodedBody()
        var consumed = 0
        for end in ends {
            while true {  // Ends: each turn but the last takes payload.
                let piece = bytes[consumed..<max(consumed, end)]
                var step: BodyStep?
                // SAFETY: alive for the call.
                unsafe withExactCopy(of: piece) { buffer in
                    do throws(HTTP1Error) {
                        // SAFETY: alive for the call.
                        step = try unsafe decoder.decode(buffer, limits: limits, trailers: &table)
                    } catch {
                        result.error = error
                    }
                }
                guard let step else { return result }
                result.payload += piece.dropFirst(step.payload.lowerBound).prefix(
                    step.payload.count)
                consumed += step.consumedByteCount
                if step.isComplete {
                    result.byteCount = consumed
                    let section = piece.dropFirst(step.trailerSection.lowerBound)
                    result.trailers = RequestProperties.pairs(table, section)
                    return result
                }
                if step.payload.isEmpty { break }
            }
        }
        return result
    }
}
