// SPDX-License-Identifier: MIT

#if Examples
    /// Which of the demonstration's messages have arrived, and how often.
    struct ArrivalLog {
        private var counts: [UInt8]
        /// Messages that arrived at least once.
        private(set) var distinctCount = 0
        /// Arrivals beyond the first of a message.
        private(set) var duplicateCount = 0
        /// Lines that are no message of the demonstration.
        private(set) var strangeCount = 0

        init(messageCount: Int) {
            counts = Array(repeating: 0, count: messageCount)
        }

        mutating func note(_ number: Int) {
            guard number >= 0 && number < counts.count else {
                strangeCount += 1
                return
            }
            if counts[number] == 0 { distinctCount += 1 } else { duplicateCount += 1 }
            counts[number] = counts[number] &+ 1 == 0 ? .max : counts[number] + 1
        }

        mutating func noteStrange() {
            strangeCount += 1
        }
    }
#endif
