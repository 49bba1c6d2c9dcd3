// SPDX-License-Identifier: MIT

/// A value that only the loop's thread touches, behind a pointer.
///
/// A class's stored property is checked for overlapping accesses at run time, unless the compiler
/// sees that there can be none: 70 instructions each time, and an echo made eight of them. Accesses
/// here are checked at compile time only: who opens one calls nothing that opens the same again.
@frozen
@safe
package struct LoopOwned<Value: ~Copyable>: ~Copyable {
    @usableFromInline
    package let pointer: UnsafeMutablePointer<Value>

    @inlinable
    package init(_ value: consuming Value) {
        // SAFETY: freed in `deinit`.
        unsafe pointer = .allocate(capacity: 1)
        unsafe pointer.initialize(to: value)  // SAFETY: just allocated.
    }

    @inlinable
    deinit {
        unsafe pointer.deinitialize(count: 1)  // SAFETY: initialized in `init`.
        unsafe pointer.deallocate()  // SAFETY: allocated in `init`.
    }

    @inlinable
    @inline(__always)
    package var value: Value {
        _read { yield unsafe pointer.pointee }  // SAFETY: initialized in `init`.
        nonmutating _modify { yield unsafe &pointer.pointee }  // SAFETY: as above.
    }
}
