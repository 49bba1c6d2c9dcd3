// SPDX-License-Identifier: MIT

import BackendConformance
import CLinuxShims
import EventLoops

// What the suites for one backend ask of it.
extension BackendVisit {
    convenience init(_ choice: BackendChoice, bufferCount: Int, byteCount: Int) throws {
        var options = LoopOptions()
        options.receiveBufferCount = bufferCount
        options.receiveBufferByteCount = byteCount
        try self.init(choice, options: options)
    }

    func acceptStream(_ listener: Int32) -> OperationID {
        unsafe start(.acceptStream(listener: listener))  // SAFETY: no memory.
    }

    func receiveStream(_ descriptor: Int32, byteCountMax: Int) -> OperationID {
        // SAFETY: no memory.
        unsafe start(.receiveStream(descriptor: descriptor, byteCountMax: byteCountMax))
    }

    func poll(_ descriptor: Int32, _ events: UInt32) -> OperationID {
        unsafe start(.poll(descriptor: descriptor, events: events))  // SAFETY: no memory.
    }

    /// Connects. The address is left behind: a connect that fails to end may still name it.
    func connect(_ descriptor: Int32, to peer: millrace_address) -> OperationID {
        let address = UnsafeMutablePointer<millrace_address>.allocate(capacity: 1)
        unsafe address.initialize(to: peer)  // SAFETY: just allocated, and never freed.
        // SAFETY: as above.
        return unsafe start(.connect(descriptor: descriptor, address: address))
    }
}
