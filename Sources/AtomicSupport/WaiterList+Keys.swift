// SPDX-License-Identifier: MIT

extension WaiterList {
    /// Grants what is waited for to the first waiter with a key, if there is one, and hangs it on
    /// the chain. With the lock held; looks at each node before that one.
    public func grantFirst(withKey key: UInt64, _ chain: inout WakeChain) -> Bool {
        // SAFETY: the caller holds the lock.
        guard let node = unsafe firstNode(withKey: key) else { return false }
        unsafe grant(node, &chain)  // SAFETY: the caller holds the lock, and the node is linked.
        return true
    }

    /// Whether somebody waits with a key. With the lock held; looks at each node before that one.
    public func contains(key: UInt64) -> Bool {
        unsafe firstNode(withKey: key) != nil  // SAFETY: the caller holds the lock.
    }

    @unsafe
    private func firstNode(withKey key: UInt64) -> UnsafeMutablePointer<WaitNode>? {
        noteUse(isWrite: false)
        // SAFETY: the lock guards the list and its nodes, here and below.
        var following = unsafe header.pointee.first
        while let node = unsafe following {  // Ends: the list is finite.
            unsafe WaitNode.noteUse(of: node, isWrite: false)  // SAFETY: only its address is used.
            if unsafe node.pointee.key == key { return unsafe node }  // SAFETY: as above.
            unsafe following = node.pointee.next  // SAFETY: as above.
        }
        return nil
    }
}
