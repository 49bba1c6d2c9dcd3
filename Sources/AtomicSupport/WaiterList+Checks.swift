// SPDX-License-Identifier: MIT

#if Checks || DEBUG
    extension WaiterList {
        /// Traps unless the list is whole (I1); answers how many wait. With the lock held. `body`
        /// gets their keys, in order.
        @discardableResult
        public func checkInvariants(_ body: (_ key: UInt64) -> Void = { _ in }) -> Int {
            noteUse(isWrite: false)
            var count = 0
            // SAFETY: the lock guards the list and its nodes, here and below.
            var before = unsafe UnsafeMutablePointer<WaitNode>?.none
            var following = unsafe header.pointee.first  // SAFETY: as above.
            // Ends: in a ring, one node has two before it.
            while let node = unsafe following {  // SAFETY: as above.
                unsafe WaitNode.noteUse(of: node, isWrite: false)  // SAFETY: an address.
                // SAFETY: as above.
                let (state, previous) = unsafe (node.pointee.state, node.pointee.previous)
                precondition(state == .queued, "I1: who is linked is not queued")
                // SAFETY: only compared.
                precondition(unsafe previous == before, "I1: the list is torn")
                body(unsafe node.pointee.key)  // SAFETY: as above.
                unsafe before = node  // SAFETY: an address.
                unsafe following = node.pointee.next  // SAFETY: as above.
                count += 1
            }
            let last = unsafe header.pointee.last  // SAFETY: as above.
            // SAFETY: only compared.
            precondition(unsafe last == before, "I1: the list has a wrong end")
            return count
        }

        /// Whether this is the list at an address, for owners of several.
        public func isList(at address: UnsafeMutableRawPointer) -> Bool {
            unsafe UnsafeMutableRawPointer(header) == address  // SAFETY: only compared.
        }
    }
#endif
