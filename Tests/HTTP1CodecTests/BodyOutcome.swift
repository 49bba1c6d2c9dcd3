// SPDX-License-Identifier: MIT

import HTTP1Codec

/// What came of decoding a body.
struct BodyOutcome: Equatable {
    var payload: [UInt8] = []
    var trailers: [String] = []
    /// How many bytes the body had with its framing; nil if it is not complete.
    var byteCount: Int?
    var error: HTTP1Error?
}

/// Decodes a body whose bytes come in pieces that end at `ends`.
func decode(
    _ bytes: [UInt8], _ framing: BodyFraming, endingAt ends: some Sequence<Int>,
    limits: HTTPLimits = HTTPLimits(), trailerCapacity: Int = 40
) -> BodyOutcome {
    var decoder = BodyDecoder(framing)
    var trailers = FieldTable(capacity: trailerCapacity)
    var result = BodyOutcome()
    var consumed = 0
    for end in ends {
        do throws(HTTP1Error) {
            while true {  // Ends: each turn consumes a byte at least.
                let piece = Array(bytes[consumed..<max(consumed, end)])
                let step = try decoder.decode(piece.span, limits: limits, trailers: &trailers)
                result.payload += piece[step.payload.offsets]
                consumed += step.consumedByteCount
                if step.isComplete {
                    result.byteCount = consumed
                    let section = Array(piece[step.trailerSection.offsets])
                    for index in 0..<trailers.count {
                        let name = section[trailers[index].name.offsets]
                        let value = section[trailers[index].value.offsets]
                        result.trailers.append(
                            String(decoding: name + [0x3D] + value, as: UTF8.self))
                    }
                    return result
                }
                if step.payload.isEmpty { break }
            }
        } catch {
            result.error = error
            return result
        }
    }
    return result
}

/// Decodes a body that is there as a whole.
func decode(
    _ text: String, _ framing: BodyFraming = .chunked, limits: HTTPLimits = HTTPLimits()
) -> BodyOutcome {
    decode(Array(text.utf8), framing, endingAt: [text.utf8.count], limits: limits)
}

/// The first split at which a body gives something else than as a whole; nil if there is none.
func firstDifferingSplit(
    ofBody bytes: [UInt8], _ framing: BodyFraming = .chunked, limits: HTTPLimits = HTTPLimits()
) -> String? {
    let whole = decode(bytes, framing, endingAt: [bytes.count], limits: limits)
    for split in 0..<bytes.count {
        let parts = decode(bytes, framing, endingAt: [split, bytes.count], limits: limits)
        if parts != whole { return "split at \(split): \(parts), whole: \(whole)" }
    }
    let single = decode(bytes, framing, endingAt: 0...bytes.count, limits: limits)
    return single == whole ? nil : "byte by byte: \(single), whole: \(whole)"
}
