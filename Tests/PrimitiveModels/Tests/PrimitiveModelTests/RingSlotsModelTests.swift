// SPDX-License-Identifier: MIT

import Testing

@testable import ConcurrentQueues

@Suite("Models of RingSlots, the slots of rings")
struct RingSlotsModelTests {
    private struct Wide {
        var words = SIMD4<UInt64>()
    }

    @Test("a slot keeps the alignment of its word and of its element")
    func stride() {
        // Wrong: an atomic word lies across two lines, or an element where its type may not.
        #expect(WordedSlot<UInt8>.stride == 16)
        #expect(WordedSlot<UInt64>.stride == 16)
        #expect(WordedSlot<(UInt64, UInt8)>.stride == 24)
        #expect(WordedSlot<Wide>.elementOffset == 16)
        #expect(WordedSlot<Wide>.stride == 48)
    }

    @Test(
        "a capacity is rounded up to a power of two",
        arguments: [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (1023, 1024), (1025, 2048)])
    func rounding(capacity: Int, slots: Int) {
        // Wrong: a ring has fewer slots than was asked for, or its positions cannot wrap.
        #expect(RingCapacity.rounded(capacity) == slots)
    }
}
