// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims

// Waiting for a descriptor, and for anything at all.
//
// Edges: E2  see `SimulatedWorld`
extension SimulatedWorld {
    /// poll(2) of one descriptor. Without waiting the events that are there; waiting, 1 or 0.
    func poll(_ descriptor: Int32, _ wanted: UInt32, _ milliseconds: Int32) -> Int32 {
        let always = UInt32(MILLRACE_POLLERR | MILLRACE_POLLHUP)
        let patience =
            milliseconds < 0 ? UInt64.max : UInt64(milliseconds) * 1_000_000
        let deadline = now.advanced(byNanoseconds: patience)
        while true {  // Ends: with an event, at the deadline, or when nothing is left to happen.
            let rung = unsafe bell.pointee.load(ordering: .acquiring)  // E2  SAFETY: see there.
            let found: UInt32? = locked {
                socket(descriptor).map { $0.events & (wanted | always) }
            }
            guard let found else { return -Int32(MILLRACE_EBADF) }
            if milliseconds == 0 { return Int32(found) }
            if found != 0 { return 1 }
            if !pass(until: deadline, unlessRungSince: rung) { return 0 }
        }
    }

    /// Nothing is left that could happen in a virtual world. Looks whether a thread from outside is
    /// about to do something: gives it a moment of real time. Whether one did.
    func waitForForeigners(unlessRungSince rung: UInt32) -> Bool {
        Self.leave()
        defer { enter() }
        let limit = MonotonicInstant.now.advanced(byNanoseconds: 20_000_000)
        // SAFETY: see `bell`.
        return unsafe Parking.wait(on: bell, while: rung, until: limit)
    }

    /// Lets time pass until something happens; false if that is not before the deadline.
    func pass(until deadline: MonotonicInstant, unlessRungSince rung: UInt32) -> Bool {
        if clock == .live {
            let next = locked { queue.nextTime } ?? .max
            let limit = MonotonicInstant(nanoseconds: min(next, deadline.nanoseconds))
            // SAFETY: see `bell`.
            _ = unsafe Parking.wait(on: bell, while: rung, until: limit)
            return MonotonicInstant.now < deadline || next <= deadline.nanoseconds
        }
        guard let next = queue.nextTime, next <= deadline.nanoseconds else {
            if deadline != .never { time = max(time, deadline.nanoseconds) }
            return false
        }
        time = max(time, next)
        runDueEvents()
        return true
    }
}
