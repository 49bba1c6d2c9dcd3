// SPDX-License-Identifier: MIT

/// How far apart words must lie so that writers of one do not slow readers of the other.
@frozen
public enum CacheLine {
    /// 128 bytes: two lines of 64, because x86-64 prefetches lines in pairs and Apple and some Arm
    /// cores have lines of 128.
    @inlinable
    public static var byteCount: Int { 128 }
}
