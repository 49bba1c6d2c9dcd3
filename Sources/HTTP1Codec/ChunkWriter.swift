// SPDX-License-Identifier: MIT

/// What stands around the data of a chunked body (RFC 9112, section 7.1).
public enum ChunkWriter {
    /// The most bytes that `begin` writes.
    public static var beginByteCountMax: Int { 18 }
    /// How many bytes `beginFixed` writes.
    public static var beginFixedByteCount: Int { 10 }
    /// Behind a chunk's data.
    public static var end: StaticString { "\r\n" }
    /// The last chunk, without trailers.
    public static var last: StaticString { "0\r\n\r\n" }
    /// The last chunk, if trailers follow: `HeadWriter` writes them and the empty line.
    public static var lastBeforeTrailers: StaticString { "0\r\n" }

    /// The line before a chunk of so many bytes, more than 0: a chunk of none would end the body.
    /// How many bytes it has; nil if the memory is too small.
    public static func begin(
        byteCount: Int, into memory: UnsafeMutableRawBufferPointer
    ) -> Int? {
        precondition(byteCount > 0, "an empty chunk ends the body")
        let bitCount = UInt64.bitWidth &- UInt64(byteCount).leadingZeroBitCount
        // SAFETY: the caller's, for the call.
        return unsafe write(byteCount, digitCount: (bitCount &+ 3) / 4, memory)
    }

    /// The same with eight digits, zeros in front: for a place that was left before the data's
    /// length was known. At most 2^32 - 1 bytes.
    public static func beginFixed(
        byteCount: Int, into memory: UnsafeMutableRawBufferPointer
    ) -> Int? {
        precondition(byteCount > 0, "an empty chunk ends the body")
        precondition(byteCount <= UInt32.max, "eight digits hold 32 bits")
        // SAFETY: the caller's, for the call.
        return unsafe write(byteCount, digitCount: 8, memory)
    }

    private static func write(
        _ byteCount: Int, digitCount: Int, _ memory: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var output = unsafe ByteWriter(memory)  // SAFETY: the caller's, for the call.
        output.append(hexadecimal: UInt64(byteCount), digitCount: digitCount)
        output.appendLineEnd()
        return output.fault == nil ? output.count : nil
    }
}
