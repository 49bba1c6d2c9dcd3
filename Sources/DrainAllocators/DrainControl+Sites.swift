// SPDX-License-Identifier: MIT

internal import AtomicSupport

// What is out, by name: under the trait `CallSites` the headers of blocks are in a list, under a
// lock whose words lie behind that of the bytes.
// Edges: those of InternalLock.

extension DrainControl {
    #if CallSites
        /// How many bytes before a block its header takes.
        static var headerByteCount: Int { 64 }

        private func withList<Result>(
            _ body: (inout UnsafeMutablePointer<AllocationHeader>?) -> Result
        ) -> Result {
            // SAFETY: the allocator's block has room for both behind the word, zeroed.
            let words = unsafe UnsafeMutableRawPointer(bytesWord)
            let lock = unsafe InternalLock((words + 8).assumingMemoryBound(to: Atomic<UInt32>.self))
            let head = unsafe (words + 16).assumingMemoryBound(
                to: UnsafeMutablePointer<AllocationHeader>?.self)
            return lock.withLock {
                unsafe body(&head.pointee)  // SAFETY: under the lock.
            }
        }

        @unsafe
        func note(_ header: UnsafeMutablePointer<AllocationHeader>, _ site: CallSite) {
            unsafe header.pointee.site = site  // SAFETY: a header that is not out yet.
            // SAFETY: headers in the list live; the lock guards their links.
            unsafe withList { head in
                unsafe header.pointee.next = head  // SAFETY: as above.
                unsafe header.pointee.previous = nil  // SAFETY: as above.
                unsafe head?.pointee.previous = header  // SAFETY: as above.
                unsafe head = header  // SAFETY: as above.
            }
        }

        @unsafe
        func forget(_ header: UnsafeMutablePointer<AllocationHeader>) {
            // SAFETY: headers in the list live; the lock guards their links.
            unsafe withList { head in
                // SAFETY: as above.
                let (next, previous) = unsafe (header.pointee.next, header.pointee.previous)
                unsafe next?.pointee.previous = previous  // SAFETY: as above.
                if let previous = unsafe previous {  // SAFETY: as above.
                    unsafe previous.pointee.next = next  // SAFETY: as above.
                } else {
                    unsafe head = next  // SAFETY: as above.
                }
            }
        }

        func forEachOutstanding(_ body: (OutstandingBlock) -> Void) {
            // SAFETY: headers in the list live; the lock guards their links.
            unsafe withList { head in
                var current = unsafe head  // SAFETY: as above.
                // Ends with the list.
                // SAFETY: as above.
                while let header = unsafe current {
                    let start = UInt(bitPattern: header) + UInt(Self.headerByteCount)
                    // SAFETY: as above.
                    body(
                        unsafe OutstandingBlock(
                            address: start, byteCount: header.pointee.byteCount,
                            site: header.pointee.site))
                    unsafe current = header.pointee.next  // SAFETY: as above.
                }
            }
        }

        #if Checks || DEBUG
            /// Traps unless the list is whole and has what is counted, all of it living (I3).
            func checkInvariants(ofAll counted: (blockCount: Int, byteCount: Int)) {
                var (blockCount, byteCount) = (0, 0)
                // SAFETY: headers in the list live; the lock guards their links.
                unsafe withList { head in
                    var current = unsafe head  // SAFETY: as above.
                    // SAFETY: as above.
                    var before = unsafe UnsafeMutablePointer<AllocationHeader>?.none
                    // Ends with the list: in a ring one header has two before it.
                    // SAFETY: as above.
                    while let header = unsafe current {
                        let isNext = unsafe header.pointee.previous == before  // SAFETY: as above.
                        precondition(isNext, "the list of blocks is torn")
                        let size = unsafe header.pointee.byteCount  // SAFETY: as above.
                        // SAFETY: as above.
                        let memory = unsafe UnsafeMutableRawPointer(header) + Self.headerByteCount
                        unsafe checkInvariants(of: memory, byteCount: size)  // SAFETY: as above.
                        blockCount += 1
                        byteCount += size
                        unsafe before = header  // SAFETY: an address.
                        unsafe current = header.pointee.next  // SAFETY: as above.
                    }
                }
                precondition(blockCount == counted.blockCount, "I1: a block is not counted")
                precondition(byteCount == counted.byteCount, "I1: bytes are not counted")
            }
        #endif
    #else
        /// How many bytes before a block its header takes.
        static var headerByteCount: Int { 32 }

        @unsafe
        func note(_ header: UnsafeMutablePointer<AllocationHeader>, _ site: CallSite) {}

        @unsafe
        func forget(_ header: UnsafeMutablePointer<AllocationHeader>) {}

        func forEachOutstanding(_ body: (OutstandingBlock) -> Void) {}
    #endif
}
