// SPDX-License-Identifier: MIT

internal import CContender
internal import ObjectPools
internal import WorkSupport

/// Lending and giving back.
enum PoolWorks {
    static let all =
        kinds("pool") { PoolLender(pool()) }
        + kinds("pool-bare") { PoolLender(pool(magazineCount: 0)) }
        + kinds("malloc") { AllocatingLender() }
        + kinds("nothing") { NoLender() }
        + [
            NamedWork("lease") { _, _ in leases() },
            NamedWork("pool-local") { _, threads in
                let loops = LocalLoops(pool(), threads: threads)
                return Work { loops.single($0, $1) }
            },
            NamedWork("pool-local-deep") { _, threads in
                let loops = LocalLoops(pool(), threads: threads)
                return Work { loops.deep($0, $1) }
            },
            NamedWork("buffer") { _, _ in buffers() },
        ]

    /// Room for what one thread has lent and the other not yet given back, in a magazine too.
    private static let capacity = 4096

    private static func pool(magazineCount: Int = 64) -> ObjectPool<UInt64> {
        ObjectPool(capacity: capacity, magazineCount: magazineCount, make: { 0 })
    }

    /// The loops, made where the type of the lender is known.
    @inline(__always)
    private static func kinds<L: Lender & ~Copyable>(
        _ name: String, _ lender: @escaping @Sendable () -> L
    ) -> [NamedWork] {
        [
            NamedWork(name) { _, threads in
                let loops = LendingLoops(lender(), threads: threads)
                return Work { loops.single($0, $1) }
            },
            NamedWork("\(name)-deep") { _, threads in
                let loops = LendingLoops(lender(), threads: threads)
                return Work { loops.deep($0, $1) }
            },
            NamedWork("\(name)-across") { _, threads in
                let loops = LendingLoops(lender(), threads: threads)
                return Work { loops.across($0, $1) }
            },
        ]
    }

    /// Leases that return themselves.
    private static func leases() -> Work {
        let shared = SharedPool(pool())
        return Work { _, count in
            var sum: UInt64 = 0
            for number in 0..<count {
                guard var lease = shared.pool.tryLease() else { break }
                lease.withObject { $0 = number }
                sum &+= lease.withObject { $0 }
            }
            return sum
        }
    }

    /// Buffers of 64 bytes, which return themselves.
    private static func buffers() -> Work {
        let shared = SharedBuffers()
        return Work { _, count in
            var sum: UInt64 = 0
            for number in 0..<count {
                guard let lease = shared.pool.tryLease(byteCount: 64) else { break }
                // SAFETY: 64 bytes, as long as the lease.
                let bytes = unsafe lease.bytes
                unsafe bytes.storeBytes(of: number, as: UInt64.self)  // SAFETY: as above.
                sum &+= unsafe bytes.load(as: UInt64.self)  // SAFETY: as above.
            }
            return sum
        }
    }

    private final class SharedPool: Sendable {
        let pool: ObjectPool<UInt64>
        init(_ pool: consuming ObjectPool<UInt64>) { self.pool = pool }
    }

    private final class SharedBuffers: Sendable {
        let pool = BufferPool(classes: [BufferClass(byteCount: 64, capacity: 1024)])
    }
}
