// SPDX-License-Identifier: MIT

import Testing

@testable import ConnectionPools

@Suite("Messages that came back")
struct ReturnedMessagesTests {
    @Test("The batch that came back last is the first to go, each in its order")
    func order() {
        // If this failed, a client of one connection would send messages in another order than
        // they were queued in.
        let returned = ReturnedMessages(capacity: 8)
        #expect(returned.count == 0 && returned.tryPop() == nil)
        returned.put([1, 2, 3, 4, 5])
        #expect(returned.count == 5)
        #expect([returned.tryPop(), returned.tryPop(), returned.tryPop()] == [1, 2, 3])
        returned.put([1, 2, 3])
        returned.put([])
        #expect(returned.count == 5)
        for number in 1...5 { #expect(returned.tryPop() == UInt64(number)) }
        #expect(returned.count == 0 && returned.tryPop() == nil)
    }
}
