// SPDX-License-Identifier: MIT

internal import CContender
internal import Glibc
internal import ObjectPools

/// What lends places for a number each.
protocol Lender: Sendable, ~Copyable {
    /// Lends one, puts the number there, and names it.
    func lend(_ number: UInt64) -> UInt64
    /// Reads the number and ends the loan.
    func giveBack(_ loan: UInt64) -> UInt64
}

/// A pool of numbers.
struct PoolLender: Lender, ~Copyable {
    private let pool: ObjectPool<UInt64>

    init(_ pool: consuming ObjectPool<UInt64>) { self.pool = pool }

    @inline(__always)
    func lend(_ number: UInt64) -> UInt64 {
        guard let handle = pool.tryAcquire() else { preconditionFailure("the pool is too small") }
        pool.withObject(handle) { $0 = number }
        return handle.rawValue
    }

    @inline(__always)
    func giveBack(_ loan: UInt64) -> UInt64 {
        let handle = PoolHandle(rawValue: loan)
        let number = pool.withObject(handle) { $0 }
        pool.release(handle)
        return number
    }
}

/// malloc(3) and free(3), of as many bytes as a slot of a pool has.
struct AllocatingLender: Lender {
    private static let byteCount = 64

    @inline(__always)
    func lend(_ number: UInt64) -> UInt64 {
        // SAFETY: only looked at.
        guard let memory = unsafe work_malloc(Self.byteCount) else {
            preconditionFailure("no memory")
        }
        unsafe memory.storeBytes(of: number, as: UInt64.self)  // SAFETY: as large as that.
        return UInt64(UInt(bitPattern: memory))
    }

    @inline(__always)
    func giveBack(_ loan: UInt64) -> UInt64 {
        // SAFETY: made by `lend`.
        guard let memory = unsafe UnsafeMutableRawPointer(bitPattern: UInt(loan)) else {
            preconditionFailure("a loan is no null pointer")
        }
        let number = unsafe memory.load(as: UInt64.self)  // SAFETY: stored by `lend`.
        unsafe work_free(memory)  // SAFETY: made by `lend`, and given back once.
        return number
    }
}

/// Nothing is lent: the loops alone.
struct NoLender: Lender {
    @inline(__always)
    func lend(_ number: UInt64) -> UInt64 { number }
    @inline(__always)
    func giveBack(_ loan: UInt64) -> UInt64 { loan }
}
