// SPDX-License-Identifier: MIT

/// Bytes appended to the caller's memory, never beyond its end. The first fault stays, and nothing
/// is written after it.
@safe
struct ByteWriter {
    private let base: UnsafeMutableRawPointer?
    let capacity: Int
    private(set) var count = 0
    private(set) var fault: HTTP1WriteError?

    @inline(__always)
    init(_ memory: UnsafeMutableRawBufferPointer) {
        unsafe base = memory.baseAddress  // SAFETY: lent by the caller while this value lives.
        capacity = memory.count
    }

    mutating func fail(_ error: HTTP1WriteError) {
        if fault == nil { fault = error }
    }

    /// The place of so many more bytes, which the caller fills; nil after a fault.
    @inline(__always)
    private mutating func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        // SAFETY: lent by the caller while this value lives.
        guard fault == nil, let base = unsafe base, capacity &- count >= byteCount else {
            fail(.noRoom)
            return nil
        }
        defer { count &+= byteCount }
        return unsafe base + count  // SAFETY: so many bytes are left there.
    }

    @inline(__always)
    mutating func append(_ bytes: Bytes) {
        // SAFETY: both have so many bytes; what is read is not what is written.
        guard let place = unsafe reserve(bytes.count) else { return }
        unsafe place.copyMemory(from: bytes.base, byteCount: bytes.count)  // SAFETY: as above.
    }

    @inline(__always)
    mutating func append(_ literal: StaticString) { append(Bytes(literal: literal)) }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        guard let place = unsafe reserve(1) else { return }  // SAFETY: as above.
        unsafe place.storeBytes(of: byte, as: UInt8.self)  // SAFETY: as above.
    }

    @inline(__always)
    mutating func appendLineEnd() {
        guard let place = unsafe reserve(2) else { return }  // SAFETY: as above.
        // SAFETY: as above.
        unsafe place.storeBytes(of: Ascii.lineEnd.littleEndian, as: UInt16.self)
    }

    /// A name and ": ".
    @inline(__always)
    mutating func append(name: Bytes) {
        guard let place = unsafe reserve(name.count &+ 2) else { return }  // SAFETY: as above.
        unsafe place.copyMemory(from: name.base, byteCount: name.count)  // SAFETY: as above.
        // SAFETY: as above.
        unsafe (place + name.count).storeBytes(of: Self.separator, as: UInt16.self)
    }

    /// A field line: "name: value" CR LF.
    @inline(__always)
    mutating func appendLine(_ name: Bytes, _ value: Bytes) {
        // SAFETY: as above, with room for what stands between and behind.
        guard let place = unsafe reserve(name.count &+ value.count &+ 4) else { return }
        unsafe place.copyMemory(from: name.base, byteCount: name.count)  // SAFETY: as above.
        let valuePlace = unsafe place + (name.count &+ 2)  // SAFETY: as above.
        // SAFETY: as above.
        unsafe (place + name.count).storeBytes(of: Self.separator, as: UInt16.self)
        unsafe valuePlace.copyMemory(from: value.base, byteCount: value.count)  // SAFETY: as above.
        // SAFETY: as above.
        unsafe (valuePlace + value.count).storeBytes(
            of: Ascii.lineEnd.littleEndian, as: UInt16.self)
    }

    /// ": " as two bytes.
    private static var separator: UInt16 { UInt16(0x203A).littleEndian }

    /// A number without sign or leading zeros.
    mutating func append(decimal number: UInt64) {
        let digitCount = Self.decimalDigitCount(number)
        // SAFETY: so many bytes are reserved, and each index is below that.
        guard let place = unsafe reserve(digitCount) else { return }
        var rest = number
        var index = digitCount
        while index > 0 {  // Ends: counts down.
            index &-= 1
            let digit = UInt8(truncatingIfNeeded: rest % 10) &+ 0x30
            // SAFETY: above.
            unsafe place.storeBytes(of: digit, toByteOffset: index, as: UInt8.self)
            rest /= 10
        }
    }

    /// A number in lower-case hexadecimal digits, `digitCount` of them, at most 16.
    mutating func append(hexadecimal number: UInt64, digitCount: Int) {
        // SAFETY: so many bytes are reserved, and each index is below that.
        guard let place = unsafe reserve(digitCount) else { return }
        var rest = number
        var index = digitCount
        while index > 0 {  // Ends: counts down.
            index &-= 1
            let value = UInt8(truncatingIfNeeded: rest & 0xF)
            let digit = value < 10 ? value &+ 0x30 : value &+ 0x57
            // SAFETY: above.
            unsafe place.storeBytes(of: digit, toByteOffset: index, as: UInt8.self)
            rest &>>= 4
        }
    }

    static func decimalDigitCount(_ number: UInt64) -> Int {
        var count = 1
        var rest = number
        while rest >= 10 {  // Ends: at most twenty turns.
            rest /= 10
            count &+= 1
        }
        return count
    }
}
