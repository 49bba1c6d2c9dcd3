// SPDX-License-Identifier: MIT

#if Compression

    internal import CZlib

    /// One call of zlib over two buffers.
    enum ZlibCall {
        /// Lends both buffers to `body`; answers its code, how many bytes were taken and how many
        /// made. zlib counts in 32 bits, so at most 1 GiB of either is lent.
        @unsafe
        static func run(
            _ stream: UnsafeMutablePointer<z_stream>, _ input: Span<UInt8>,
            _ output: inout MutableSpan<UInt8>,
            _ body: (UnsafeMutablePointer<z_stream>) -> Int32
        ) -> (code: Int32, taken: Int, made: Int) {
            let inputCount = min(input.count, 1 << 30)
            let outputCount = min(output.count, 1 << 30)
            // SAFETY: zlib reads and writes inside the buffers, during the call only.
            return unsafe input.withUnsafeBytes { source in
                unsafe output.withUnsafeMutableBytes { target in
                    unsafe stream.pointee.next_in = UnsafeMutablePointer(
                        mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
                    // SAFETY: as above.
                    unsafe stream.pointee.avail_in = UInt32(inputCount)
                    unsafe stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(
                        to: UInt8.self)
                    // SAFETY: as above.
                    unsafe stream.pointee.avail_out = UInt32(outputCount)
                    let code = unsafe body(stream)
                    let taken = unsafe inputCount - Int(stream.pointee.avail_in)
                    // SAFETY: as above.
                    let made = unsafe outputCount - Int(stream.pointee.avail_out)
                    return (code, taken, made)
                }
            }
        }
    }

#endif
