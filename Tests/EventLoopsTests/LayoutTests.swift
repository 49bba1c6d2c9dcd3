// SPDX-License-Identifier: MIT

import EventLoops
import Testing

@Suite("Layouts that the kernel shares")
struct LayoutTests {
    @Test("A completion is the kernel's sixteen bytes")
    func completionLayout() {
        // If this failed, completions copied from the ring would be read wrongly.
        #expect(MemoryLayout<Completion>.size == 16)
        #expect(MemoryLayout<Completion>.stride == 16)
        #expect(MemoryLayout<Completion>.offset(of: \.id) == 0)
        #expect(MemoryLayout<Completion>.offset(of: \.result) == 8)
        #expect(MemoryLayout<Completion>.offset(of: \.flags) == 12)
        // io_uring.h: IORING_CQE_F_BUFFER is bit 0, IORING_CQE_F_MORE bit 1, the buffer from bit
        // 16.
        let completion = Completion(
            id: OperationID(rawValue: 7), result: 5, buffer: 0xABCD, hasMore: true)
        #expect(completion.flags == 0xABCD_0003)
        #expect(completion.buffer == 0xABCD && completion.hasMore)
        #expect(Completion(id: OperationID(rawValue: 7), result: 5).flags == 0)
        #expect(Completion(id: 7, result: -4, flags: 2).errorCode == 4)
    }

    @Test("A batch keeps order and drops what it is told to")
    func batch() {
        // If this failed, a backend's own completions would reach the loop.
        var batch = CompletionBatch(capacity: 4)
        for index in 0..<4 { batch.append(Completion(id: UInt64(index), result: 0, flags: 0)) }
        let isFull = batch.isFull
        #expect(isFull)
        batch.revise(from: 1) { $0.id.rawValue % 2 == 1 ? nil : $0 }
        var kept: [UInt64] = []
        for index in 0..<batch.count { kept.append(batch[index].id.rawValue) }
        #expect(kept == [0, 2])
        batch.removeAll()
        let count = batch.count
        #expect(count == 0)
    }
}
