// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import WaitPrimitives
internal import WorkSupport

/// One value each: a oneshot is made, set, read and destroyed.
enum OneshotWorks {
    static let all = [
        NamedWork("oneshot") { _, _ in
            Work { _, count in
                var sum: UInt64 = 0
                for number in 0..<count {
                    let oneshot = Oneshot<UInt64>()
                    _ = oneshot.set(number)
                    if let value = oneshot.tryReceive() { sum &+= value }
                }
                return sum
            }
        },
        NamedWork("oneshot-storage") { _, _ in
            Work { _, count in inStorage(count) }
        },
    ]

    /// In memory that is there already.
    private static func inStorage(_ count: UInt64) -> UInt64 {
        let storage = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Oneshot<UInt64>.storageByteCount, alignment: CacheLine.byteCount)
        var sum: UInt64 = 0
        for number in 0..<count {
            let oneshot = unsafe Oneshot<UInt64>(storage: storage)  // SAFETY: as it asks for.
            _ = oneshot.set(number)
            if let value = oneshot.tryReceive() { sum &+= value }
        }
        unsafe storage.deallocate()  // SAFETY: allocated above.
        return sum
    }
}
