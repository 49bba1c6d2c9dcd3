// SPDX-License-Identifier: MIT

#if Checks || DEBUG
    extension TimerWheel where Payload: ~Copyable {
        /// Traps unless the invariants I1 to I5 hold. O(count): for tests.
        public func checkInvariants() {
            var linkedCount = 0
            for list in 0..<UInt16(Self.listCount) { linkedCount += checkList(list) }
            precondition(linkedCount == count, "lists and count disagree")
            precondition(usedCount <= capacity, "I5: more nodes used than there are")
            var armedCount = 0
            for index in 0..<usedCount where isArmed(index) { armedCount += 1 }
            precondition(armedCount == count, "I4: an armed node is in no list")
        }

        /// Walks one list both ways in one go and answers its length.
        private func checkList(_ list: UInt16) -> Int {
            // SAFETY: list numbers are below `listCount`.
            let ends = unsafe lists[Int(list)]
            var length = 0
            var previous = UInt32.noTimer
            var index = ends.head
            while index != .noTimer {
                precondition(index < usedCount, "I5: an untouched node is linked")
                precondition(isArmed(index), "I4: a free node is linked")
                // SAFETY: nodes below `usedCount` are initialized.
                let node = unsafe header(index).pointee
                precondition(node.list == list, "a node names another list")
                precondition(node.previous == previous, "a list is torn")
                checkPlace(of: node)
                previous = index
                index = node.next
                length += 1
                precondition(length <= count, "a list is a ring")
            }
            precondition(ends.tail == previous, "a list has a wrong tail")
            if list < Self.pastList { checkBit(of: list, isSet: length > 0) }
            return length
        }

        private func checkPlace(of node: TimerNode) {
            if node.list >= Self.pastList {
                precondition(node.deadline <= position, "a future timer lies with the past ones")
                return
            }
            precondition(node.deadline >= position, "I1, I2: a slot was passed by")
            // Where a postponed timer lies, an earlier deadline ahead of `position` belongs.
            let level = Self.level(of: node.list)
            if level == 0 {
                precondition(node.list >= currentSlot, "I2: a slot lies behind")
            } else {
                let digit = UInt64(node.list) % 64
                let own = (position >> Self.shift(ofLevel: level)) & 63
                precondition(digit > own, "I1: a slot lies behind")
            }
            let place = slot(for: node.deadline)
            precondition(place >= node.list, "I1: a timer lies behind its deadline")
        }

        private func checkBit(of list: UInt16, isSet: Bool) {
            let word = Int(list / 64)
            // SAFETY: `list` names a slot, so its word is one of the bitmap's.
            let bits = unsafe bitmap[word]
            precondition((bits >> (list % 64)) & 1 == (isSet ? 1 : 0), "I3: a bitmap lies")
            let summary = (occupiedWords >> word) & 1 == 1
            precondition(summary == (bits != 0), "I3: the summary lies")
        }
    }
#endif
