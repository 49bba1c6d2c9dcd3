// SPDX-License-Identifier: MIT

public import CLinuxShims

/// How far apart words must lie so that writers of one do not slow readers of the other.
@frozen
public enum CacheLine {
    /// 128 bytes: two lines of 64, because x86-64 prefetches lines in pairs and Apple and some Arm
    /// cores have lines of 128.
    @inlinable
    public static var byteCount: Int { 128 }

    /// Asks for the line of an address before it is needed. Nothing is read: any address will do.
    ///
    /// What it does for stores: they reach memory in their order, so that one which misses holds up
    /// all behind it; lines that were asked for come in any order.
    @inlinable
    @inline(__always)
    public static func prefetch(_ address: UnsafeRawPointer) {
        unsafe millrace_prefetch(address)  // SAFETY: not dereferenced.
    }
}
