// SPDX-License-Identifier: MIT

#if Compression

    internal import CBrotli
    internal import CZlib

    /// Compresses a stream of bytes with gzip, deflate or Brotli.
    ///
    ///     var compressor = try Compressor(.gzip)
    ///     let step = try compressor.step(input.span, into: &output, .finish)
    ///
    /// | Guarantee | `step`                                                                      |
    /// |-----------|-----------------------------------------------------------------------------|
    /// | Cost      | a few to a few dozen nanoseconds a byte; it runs on the calling thread       |
    /// | Memory    | see `CompressionOptions`; the output is never written beyond its end         |
    /// | Threads   | one at a time                                                               |
    ///
    /// A step ends when its input is taken and its goal reached, or when the output is full. One
    /// compressor serves many streams one after the other: `reset` begins the next one, which for
    /// gzip and deflate keeps the memory and for Brotli, whose library cannot, makes it anew.
    ///
    /// Compressing secrets and what an attacker chose in one stream tells the secret by its size
    /// (BREACH): whether to compress a response is the server's choice.
    @safe
    public struct Compressor: ~Copyable, @unchecked Sendable {
        /// What it makes.
        public let coding: ContentCoding

        private let options: CompressionOptions
        /// zlib keeps the stream's address, so it may not move.
        private var zlib: UnsafeMutablePointer<z_stream>?
        private var brotli: OpaquePointer?
        private var isFinished = false

        /// A compressor at the beginning of a stream. `coding` is not identity.
        public init(
            _ coding: ContentCoding, _ options: CompressionOptions = CompressionOptions()
        ) throws(CompressionError) {
            precondition(coding != .identity, "identity is not compressed")
            self.coding = coding
            self.options = options
            unsafe zlib = nil  // SAFETY: no pointer.
            unsafe brotli = nil
            if coding == .br { try openBrotli() } else { try openZlib() }
        }

        deinit {
            if let zlib = unsafe zlib {  // SAFETY: opened in `init`, not used any more.
                unsafe deflateEnd(zlib)
                unsafe zlib.deallocate()
            }
            // SAFETY: as above.
            if let brotli = unsafe brotli { unsafe BrotliEncoderDestroyInstance(brotli) }
        }

        /// Begins the next stream.
        public mutating func reset() throws(CompressionError) {
            isFinished = false
            if let zlib = unsafe zlib {  // SAFETY: open until `deinit`.
                let code = unsafe deflateReset(zlib)
                if code != Z_OK { throw .library(code: code) }
                return
            }
            // SAFETY: nothing else names the encoder.
            if let brotli = unsafe brotli { unsafe BrotliEncoderDestroyInstance(brotli) }
            unsafe brotli = nil
            try openBrotli()
        }

        /// Compresses from the beginning of the input to the beginning of the output. After a
        /// complete `finish` only `reset` may follow.
        public mutating func step(
            _ input: Span<UInt8>, into output: inout MutableSpan<UInt8>, _ goal: CompressionGoal
        ) throws(CompressionError) -> CompressionStep {
            precondition(!isFinished, "the stream is finished: reset comes first")
            let step =
                unsafe zlib != nil  // SAFETY: only compared.
                ? try zlibStep(input, &output, goal) : try brotliStep(input, &output, goal)
            isFinished = step.isComplete && goal == .finish
            return step
        }

        // MARK: zlib

        private mutating func openZlib() throws(CompressionError) {
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            unsafe stream.initialize(to: z_stream())  // SAFETY: fresh memory.
            let windowBits = options.deflateWindowBits + (coding == .gzip ? 16 : 0)
            // SAFETY: zeroed fields choose zlib's own allocator.
            let code = unsafe millrace_deflate_open(stream, options.deflateLevel, windowBits, 8)
            guard code == Z_OK else {
                unsafe stream.deallocate()  // SAFETY: it was not opened.
                throw code == Z_MEM_ERROR ? .outOfMemory : .library(code: code)
            }
            unsafe zlib = stream  // SAFETY: ours until `deinit`.
        }

        private mutating func zlibStep(
            _ input: Span<UInt8>, _ output: inout MutableSpan<UInt8>, _ goal: CompressionGoal
        ) throws(CompressionError) -> CompressionStep {
            let flush =
                switch goal {
                case .any: Z_NO_FLUSH
                case .flush: Z_SYNC_FLUSH
                case .finish: Z_FINISH
                }
            // SAFETY: open until `deinit`; both buffers are lent for the call.
            guard let stream = unsafe zlib else { preconditionFailure("the stream is not open") }
            let (code, taken, made) = unsafe ZlibCall.run(stream, input, &output) {
                unsafe deflate($0, flush)
            }
            guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                throw .library(code: code)
            }
            let isDone =
                goal == .finish
                ? code == Z_STREAM_END : taken == input.count && made < output.count
            return CompressionStep(
                consumedByteCount: taken, producedByteCount: made, isComplete: isDone)
        }

        // MARK: Brotli

        private mutating func openBrotli() throws(CompressionError) {
            // SAFETY: no allocator of our own.
            guard let encoder = unsafe BrotliEncoderCreateInstance(nil, nil, nil) else {
                throw .outOfMemory
            }
            // SAFETY: fresh; parameters are set before the first byte.
            unsafe BrotliEncoderSetParameter(
                encoder, BROTLI_PARAM_QUALITY, options.brotliQuality)
            unsafe BrotliEncoderSetParameter(
                encoder, BROTLI_PARAM_LGWIN, options.brotliWindowBits)
            unsafe brotli = encoder  // SAFETY: ours until `deinit`.
        }

        private mutating func brotliStep(
            _ input: Span<UInt8>, _ output: inout MutableSpan<UInt8>, _ goal: CompressionGoal
        ) throws(CompressionError) -> CompressionStep {
            let operation =
                switch goal {
                case .any: BROTLI_OPERATION_PROCESS
                case .flush: BROTLI_OPERATION_FLUSH
                case .finish: BROTLI_OPERATION_FINISH
                }
            // SAFETY: open until `deinit`; both buffers are lent for the call.
            guard let encoder = unsafe brotli else { preconditionFailure("no encoder") }
            var inputRest = input.count
            var outputRest = output.count
            // SAFETY: as above.
            let isFine = unsafe input.withUnsafeBytes { source in
                unsafe output.withUnsafeMutableBytes { target in
                    var next = unsafe source.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    // SAFETY: as above.
                    var place = unsafe target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    return unsafe BrotliEncoderCompressStream(
                        encoder, operation, &inputRest, &next, &outputRest, &place, nil)
                }
            }
            if isFine == 0 { throw .library(code: 0) }
            // SAFETY: as above.
            let hasMore = unsafe BrotliEncoderHasMoreOutput(encoder) != 0
            let isDone =
                goal == .finish  // SAFETY: as above.
                ? unsafe BrotliEncoderIsFinished(encoder) != 0 : inputRest == 0 && !hasMore
            return CompressionStep(
                consumedByteCount: input.count - inputRest,
                producedByteCount: output.count - outputRest, isComplete: isDone)
        }
    }

    extension Compressor {
        /// All bytes at once, compressed.
        static func pack(
            _ bytes: [UInt8], _ coding: ContentCoding, _ options: CompressionOptions
        ) throws(CompressionError) -> [UInt8] {
            var compressor = try Compressor(coding, options)
            var packed: [UInt8] = []
            var start = 0
            // Ends: each step takes bytes or gives some, until it says that it is done.
            while true {
                var piece = [UInt8](repeating: 0, count: 16_384)
                var room = piece.mutableSpan
                let step = try compressor.step(
                    bytes.span.extracting(droppingFirst: start), into: &room, .finish)
                start += step.consumedByteCount
                packed += piece[..<step.producedByteCount]
                if step.isComplete { return packed }
            }
        }
    }

#endif
