// SPDX-License-Identifier: MIT

public import AtomicSupport

/// The words before a pooled object.
// Edges: see ObjectPool.swift
@usableFromInline
@frozen
@unsafe
struct PoolSlot {
    // Layout: 0 generation · 4 isMade · 5 isOwned · 8 link · 16 call site (trait `CallSites`)

    @usableFromInline
    let base: UnsafeMutableRawPointer

    @inlinable
    @inline(__always)
    init(_ base: UnsafeMutableRawPointer) {
        unsafe self.base = base  // SAFETY: the pool's memory, which outlives this view.
    }

    /// How many bytes the words take.
    @inlinable
    static var byteCount: Int {
        #if CallSites
            32
        #else
            16
        #endif
    }

    /// Odd while leased.
    @inlinable
    var generation: UnsafeMutablePointer<Atomic<UInt32>> {
        // SAFETY: see the layout.
        @inline(__always) get { unsafe base.assumingMemoryBound(to: Atomic<UInt32>.self) }
    }

    /// Whether the object exists.
    @inlinable
    var isMade: SharedCell<Bool> {
        // SAFETY: see the layout.
        @inline(__always) get { unsafe SharedCell((base + 4).assumingMemoryBound(to: Bool.self)) }
    }

    /// Whether a `PoolLease` or a local magazine owns the slot's lease.
    @inlinable
    var isOwned: UnsafeMutablePointer<Atomic<Bool>> {
        // SAFETY: see the layout.
        @inline(__always) get { unsafe (base + 5).assumingMemoryBound(to: Atomic<Bool>.self) }
    }

    /// The slot's own link: never changed.
    @inlinable
    var link: SharedCell<UInt32> {
        // SAFETY: see the layout.
        @inline(__always) get { unsafe SharedCell((base + 8).assumingMemoryBound(to: UInt32.self)) }
    }

    #if CallSites
        /// Where the slot's lease began.
        @inlinable
        var site: UnsafeMutablePointer<Atomic<UInt64>> {
            // SAFETY: see the layout.
            @inline(__always) get {
                unsafe (base + 16).assumingMemoryBound(to: Atomic<UInt64>.self)
            }
        }
    #endif
}
