// SPDX-License-Identifier: MIT

#if Compression

    internal import CBrotli
    internal import CZlib

    /// Decompresses a stream of bytes: a request's body with a `Content-Encoding`.
    ///
    /// A few bytes can become millions, so there is a limit to what comes out, and the output of
    /// each step is bounded by its buffer. What follows the end of the stream is not taken.
    @safe
    public struct Decompressor: ~Copyable, @unchecked Sendable {
        private let byteCountMax: UInt64
        private var byteCount: UInt64 = 0
        /// zlib keeps the stream's address, so it may not move.
        private var zlib: UnsafeMutablePointer<z_stream>?
        private var brotli: OpaquePointer?
        private var isFinished = false

        /// A decompressor for one stream that becomes at most `byteCountMax` bytes. `coding` is not
        /// identity.
        public init(_ coding: ContentCoding, byteCountMax: UInt64) throws(CompressionError) {
            precondition(coding != .identity, "identity is not compressed")
            self.byteCountMax = byteCountMax
            unsafe zlib = nil  // SAFETY: no pointer.
            unsafe brotli = nil
            if coding == .br {
                // SAFETY: no allocator of our own.
                guard let decoder = unsafe BrotliDecoderCreateInstance(nil, nil, nil) else {
                    throw .outOfMemory
                }
                unsafe brotli = decoder  // SAFETY: ours until `deinit`.
            } else {
                try openZlib(windowBits: coding == .gzip ? 31 : 15)
            }
        }

        deinit {
            if let zlib = unsafe zlib {  // SAFETY: opened in `init`, not used any more.
                unsafe inflateEnd(zlib)
                unsafe zlib.deallocate()
            }
            // SAFETY: as above.
            if let brotli = unsafe brotli { unsafe BrotliDecoderDestroyInstance(brotli) }
        }

        /// Decompresses from the beginning of the input to the beginning of the output. The step is
        /// complete when the stream has ended; nothing may follow then.
        public mutating func step(
            _ input: Span<UInt8>, into output: inout MutableSpan<UInt8>
        ) throws(CompressionError) -> CompressionStep {
            precondition(!isFinished, "the stream has ended")
            let step =
                unsafe zlib != nil  // SAFETY: only compared.
                ? try zlibStep(input, &output) : try brotliStep(input, &output)
            byteCount += UInt64(step.producedByteCount)
            guard byteCount <= byteCountMax else { throw .tooLong }
            isFinished = step.isComplete
            return step
        }

        /// Says that the input has ended.
        public func finish() throws(CompressionError) {
            guard isFinished else { throw .truncated }
        }

        private mutating func openZlib(windowBits: Int32) throws(CompressionError) {
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            unsafe stream.initialize(to: z_stream())  // SAFETY: fresh memory.
            // SAFETY: zeroed fields choose zlib's own allocator.
            let code = unsafe millrace_inflate_open(stream, windowBits)
            guard code == Z_OK else {
                unsafe stream.deallocate()  // SAFETY: it was not opened.
                throw code == Z_MEM_ERROR ? .outOfMemory : .library(code: code)
            }
            unsafe zlib = stream  // SAFETY: ours until `deinit`.
        }

        private mutating func zlibStep(
            _ input: Span<UInt8>, _ output: inout MutableSpan<UInt8>
        ) throws(CompressionError) -> CompressionStep {
            // SAFETY: open until `deinit`; both buffers are lent for the call.
            guard let stream = unsafe zlib else { preconditionFailure("the stream is not open") }
            let (code, taken, made) = unsafe ZlibCall.run(stream, input, &output) {
                unsafe inflate($0, Z_NO_FLUSH)
            }
            switch code {
            case Z_OK, Z_BUF_ERROR, Z_STREAM_END: break
            case Z_MEM_ERROR: throw .outOfMemory
            case Z_DATA_ERROR, Z_NEED_DICT: throw .malformed
            default: throw .library(code: code)
            }
            return CompressionStep(
                consumedByteCount: taken, producedByteCount: made,
                isComplete: code == Z_STREAM_END)
        }

        private mutating func brotliStep(
            _ input: Span<UInt8>, _ output: inout MutableSpan<UInt8>
        ) throws(CompressionError) -> CompressionStep {
            // SAFETY: open until `deinit`; both buffers are lent for the call.
            guard let decoder = unsafe brotli else { preconditionFailure("no decoder") }
            var inputRest = input.count
            var outputRest = output.count
            // SAFETY: as above.
            let result = unsafe input.withUnsafeBytes { source in
                unsafe output.withUnsafeMutableBytes { target in
                    var next = unsafe source.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    // SAFETY: as above.
                    var place = unsafe target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    return unsafe BrotliDecoderDecompressStream(
                        decoder, &inputRest, &next, &outputRest, &place, nil)
                }
            }
            if result == BROTLI_DECODER_RESULT_ERROR { throw .malformed }
            return CompressionStep(
                consumedByteCount: input.count - inputRest,
                producedByteCount: output.count - outputRest,
                isComplete: result == BROTLI_DECODER_RESULT_SUCCESS)
        }
    }

#endif
