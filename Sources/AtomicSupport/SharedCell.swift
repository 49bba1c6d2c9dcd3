// SPDX-License-Identifier: MIT

/// A place in shared memory for one value that is not atomic: whoever touches it must own it by a
/// protocol of atomics.
///
/// It is an address with a narrow face. In a model build the same operations record who touched the
/// value and when, so that a race, an overwritten value, or a read of an empty place is reported
/// (`SharedCell+Model.swift`); else each is one memory access.
@frozen
@unsafe
public struct SharedCell<Value: ~Copyable> {
    @usableFromInline
    let address: UnsafeMutablePointer<Value>

    /// The cell at an address inside a `SharedBlock`.
    @inlinable
    @inline(__always)
    public init(_ address: UnsafeMutablePointer<Value>) {
        // SAFETY: storing an address reads no memory.
        unsafe self.address = address
    }
}

#if !Model
    extension SharedCell where Value: ~Copyable {
        /// Puts a value into the empty cell.
        @inlinable
        @inline(__always)
        public func initialize(to value: consuming Value) {
            // SAFETY: the caller owns the cell and it is empty.
            unsafe address.initialize(to: value)
        }

        /// Takes the value out and leaves the cell empty.
        @inlinable
        @inline(__always)
        public func move() -> Value {
            // SAFETY: the caller owns the cell and it is full.
            unsafe address.move()
        }
    }

    extension SharedCell {
        /// Reads the value of a full cell.
        @inlinable
        @inline(__always)
        public func load() -> Value {
            // SAFETY: the caller owns the cell, or nobody writes it while the caller may read.
            unsafe address.pointee
        }

        /// Replaces the value of a full cell.
        @inlinable
        @inline(__always)
        public func store(_ value: Value) {
            // SAFETY: the caller owns the cell.
            unsafe address.pointee = value
        }
    }
#endif
