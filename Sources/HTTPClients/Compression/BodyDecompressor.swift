// SPDX-License-Identifier: MIT

#if Compression
    internal import HTTP1Codec
    internal import HTTPServing

    /// Undoes the content coding of one body, piece by piece.
    final class BodyDecompressor {
        private let byteCountMax: UInt64
        private let coding: ContentCoding
        private var decompressor: Decompressor?
        private var input: [UInt8] = []
        private var position = 0

        /// How many bytes come out at a time.
        private static var outputByteCount: Int { 65_536 }

        /// Nil if the fields name no coding, or one that was not asked for: then the body is handed
        /// out as it is.
        init?(_ fields: ReceivedFields, _ limits: HTTPLimits) throws(HTTPClientError) {
            let names = fields.values(of: .contentEncoding).joined(separator: ",")
            switch ContentCoding.ofRequest(Array(names.utf8).span) {
            case .gzip: coding = .gzip
            case .br: coding = .br
            default: return nil
            }
            byteCountMax = limits.bodyByteCountMax
        }

        /// A piece of the body as it was sent; the last one has been used up.
        func take(_ piece: [UInt8]) {
            assert(position == input.count)
            input = piece
            position = 0
        }

        /// The next decoded bytes; nil if more of the body is needed.
        func next() throws(HTTPClientError) -> [UInt8]? {
            do throws(CompressionError) {
                while true {  // Ends with bytes, or when a step takes no more.
                    // A gzip file may consist of several (RFC 1952, section 2.2).
                    if decompressor == nil {
                        guard position < input.count else { return nil }
                        if isBegun && coding != .gzip { throw CompressionError.malformed }
                        isBegun = true
                        decompressor = try Decompressor(coding, byteCountMax: byteCountMax)
                    }
                    let (bytes, isStuck) = try step()
                    if !bytes.isEmpty { return bytes }
                    if isStuck { return nil }
                }
            } catch {
                throw error == .tooLong ? .bodyTooLong : .badCoding
            }
        }

        private var isBegun = false

        private func step() throws(CompressionError) -> (bytes: [UInt8], isStuck: Bool) {
            var output = [UInt8](repeating: 0, count: Self.outputByteCount)
            var room = output.mutableSpan
            let held = input
            let rest = held.span.extracting(droppingFirst: position)
            guard let step = try decompressor?.step(rest, into: &room) else { return ([], true) }
            position += step.consumedByteCount
            if step.isComplete { decompressor = nil }
            output.removeLast(output.count - step.producedByteCount)
            let hasMoved = step.consumedByteCount > 0 || step.producedByteCount > 0
            return (output, !hasMoved && !step.isComplete)
        }

        /// The body has ended: right only at the end of the coded bytes. A body without any byte is
        /// taken for an empty one.
        func finish() throws(HTTPClientError) {
            if decompressor != nil { throw .badCoding }
        }
    }
#endif
