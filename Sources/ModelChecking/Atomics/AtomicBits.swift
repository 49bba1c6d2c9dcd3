// SPDX-License-Identifier: MIT

public import Synchronization

/// The bits of a value of at most sixteen bytes, as the model keeps them.
@frozen
@usableFromInline
struct AtomicBits: Equatable, Hashable, Sendable {
    @usableFromInline var low: UInt64
    @usableFromInline var high: UInt64

    @inlinable
    init(low: UInt64, high: UInt64 = 0) {
        self.low = low
        self.high = high
    }
}

extension AtomicRepresentable {
    /// How many bytes the value has in memory.
    @inlinable
    static var atomicByteCount: UInt8 { UInt8(MemoryLayout<AtomicRepresentation>.size) }

    /// The bits of a value, which ends here.
    @inlinable
    @inline(__always)
    static func bits(of value: consuming Self) -> AtomicBits {
        let stored = encodeAtomicRepresentation(value)
        var bits = AtomicBits(low: 0)
        // SAFETY: a representation is a plain value of 1, 2, 4, 8 or 16 bytes, and fits.
        unsafe withUnsafeMutableBytes(of: &bits) { target in
            unsafe withUnsafeBytes(of: stored) { source in unsafe target.copyMemory(from: source) }
        }
        return bits
    }

    /// The value of some bits that `bits(of:)` made.
    @inlinable
    @inline(__always)
    static func value(of bits: AtomicBits) -> Self {
        // SAFETY: the bytes were copied out of a representation of this type.
        let stored = unsafe withUnsafeBytes(of: bits) {
            unsafe $0.loadUnaligned(as: AtomicRepresentation.self)
        }
        return decodeAtomicRepresentation(stored)
    }
}
