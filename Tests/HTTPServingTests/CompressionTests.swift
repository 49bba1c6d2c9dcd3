// SPDX-License-Identifier: MIT

#if Compression

    import StressSupport
    import Testing

    @testable import HTTPServing

    @Suite("Compression")
    struct CompressionTests {
        private static let codings: [ContentCoding] = [.gzip, .deflate, .br]

        /// Compresses pieces of the input through an output buffer of a size.
        private func compress(
            _ compressor: inout Compressor, _ input: [UInt8], piece: Int, output size: Int
        ) throws -> [UInt8] {
            var result: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: size)
            var position = 0
            while true {
                let end = min(position + piece, input.count)
                var span = buffer.mutableSpan
                let step = try compressor.step(
                    input.span.extracting(position..<end), into: &span,
                    end == input.count ? .finish : .any)
                position += step.consumedByteCount
                result += buffer[..<step.producedByteCount]
                if step.isComplete, end == input.count { return result }
            }
        }

        private func decompress(
            _ coding: ContentCoding, _ input: [UInt8], max: UInt64 = .max, size: Int = 100
        ) throws(CompressionError) -> [UInt8] {
            var decompressor = try Decompressor(coding, byteCountMax: max)
            var result: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: size)
            var position = 0
            while true {
                var span = buffer.mutableSpan
                let step = try decompressor.step(
                    input.span.extracting(position..<input.count), into: &span)
                position += step.consumedByteCount
                result += buffer[..<step.producedByteCount]
                if step.isComplete { break }
                if step.consumedByteCount == 0, step.producedByteCount == 0 { break }
            }
            try decompressor.finish()
            return result
        }

        private var sample: [UInt8] {
            var random = SplitMix64(seed: 7)
            return (0..<20_000).map { _ in UInt8.random(in: 0...20, using: &random) }
        }

        @Test("What goes in comes out, whatever the buffers", arguments: Self.codings)
        func roundTrip(_ coding: ContentCoding) throws {
            // If this failed, a compressed page would arrive broken.
            var compressor = try Compressor(coding)
            for (piece, output) in [(20_000, 30_000), (1, 1), (777, 13), (5000, 4096)] {
                let packed = try compress(&compressor, sample, piece: piece, output: output)
                #expect(packed.count < sample.count)
                #expect(try decompress(coding, packed) == sample)
                try compressor.reset()
            }
            let empty = try compress(&compressor, [], piece: 1, output: 64)
            #expect(try decompress(coding, empty) == [])
        }

        @Test("A flush makes all so far readable", arguments: Self.codings)
        func flush(_ coding: ContentCoding) throws {
            // If this failed, an event would wait in the compressor for the next one.
            var compressor = try Compressor(coding)
            var decompressor = try Decompressor(coding, byteCountMax: 1000)
            for word in ["first", "second", "third"] {
                var packed = [UInt8](repeating: 0, count: 200)
                var plain = [UInt8](repeating: 0, count: 200)
                let input = bytes(word)
                var target = packed.mutableSpan
                let step = try compressor.step(input.span, into: &target, .flush)
                #expect(step.isComplete)
                var end = plain.mutableSpan
                let back = try decompressor.step(
                    packed.span.extracting(0..<step.producedByteCount), into: &end)
                #expect(text(Array(plain[..<back.producedByteCount])) == word)
                #expect(!back.isComplete)
            }
        }

        @Test("Broken, cut and swelling streams", arguments: Self.codings)
        func hostile(_ coding: ContentCoding) throws {
            // If this failed, a small request could fill the memory, or garbage count as a body.
            var compressor = try Compressor(coding)
            let zeros = [UInt8](repeating: 0, count: 1_000_000)
            let packed = try compress(&compressor, zeros, piece: 1_000_000, output: 65_536)
            #expect(packed.count < 5000)
            #expect(
                failure { () throws(CompressionError) in
                    try decompress(coding, packed, max: 999_999, size: 4096)
                } == .tooLong)
            #expect(try decompress(coding, packed, max: 1_000_000, size: 4096).count == 1_000_000)
            #expect(
                failure { () throws(CompressionError) in
                    try decompress(coding, packed.dropLast(), size: 4096)
                } == .truncated)
            let garbage = [UInt8](repeating: 0xFF, count: 100)
            #expect(
                failure { () throws(CompressionError) in try decompress(coding, garbage) }
                    == .malformed)
        }
    }

#endif
