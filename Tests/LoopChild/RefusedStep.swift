// SPDX-License-Identifier: MIT

import BackendConformance
import CMallocCount
import CTestSupport
import EventLoops
import Glibc

/// A step of a backend's beginning that the system may refuse.
enum RefusedStep: String, CaseIterable {
    case none = "refuse-nothing"
    case setup = "refuse-setup"
    case eventDescriptor = "refuse-eventfd"
    case probing = "refuse-probing"
    case buffers = "refuse-buffers"
    case enabling = "refuse-enabling"

    /// Lets the step fail from here on.
    func deny() -> Int32 {
        switch self {
        case .none: 0
        case .setup: test_deny(test_number_of_io_uring_setup(), EPERM)
        case .eventDescriptor: test_deny(test_number_of_eventfd(), EMFILE)
        case .probing: test_deny_registering(test_operation_of_probing(), EPERM)
        case .buffers: test_deny_registering(test_operation_of_buffers(), EPERM)
        case .enabling: test_deny_registering(test_operation_of_enabling(), EPERM)
        }
    }
}

/// Opens backends by the hundred where a step is refused, and drops them: what the last one said,
/// and what they have left behind.
func refuse(_ step: RefusedStep) {
    test_scribble_over_memory()
    _ = openAndDrop()
    precondition(step.deny() == 0)
    for _ in 0..<5 { _ = openAndDrop() }
    let descriptors = test_descriptor_count()
    let pieces = test_live_allocation_count()
    let byteCount = test_resident_byte_count()
    for _ in 0..<99 { _ = openAndDrop() }
    let told = openAndDrop()
    let moreDescriptors = test_descriptor_count() - descriptors
    let morePieces = test_live_allocation_count() - pieces
    let moreBytes = test_resident_byte_count() - byteCount
    print(told)
    // A ring of buffers is 64 KiB: 6 MiB in all.
    let isClean = moreDescriptors == 0 && morePieces < 50 && moreBytes < 3 << 20
    print(
        isClean
            ? "no leak"
            : "leak: \(moreDescriptors) descriptors, \(morePieces) pieces, \(moreBytes) bytes")
}

/// Opens a backend, uses it if it opens, and drops it.
private func openAndDrop() -> String {
    var options = LoopOptions()
    options.submissionQueueCapacity = 16
    options.completionQueueCapacity = 16
    options.receiveBufferCount = 4096
    options.receiveBufferByteCount = 1
    var ends: [Int32] = [0, 0]
    precondition(unsafe pipe(&ends) == 0)  // SAFETY: room for two.
    defer { for end in ends { close(end) } }
    do {
        let visit = try BackendVisit(choice, options: options)
        // SAFETY: names no memory.
        let poll = unsafe visit.start(.poll(descriptor: ends[0], events: UInt32(POLLIN)))
        _ = visit.turn()
        visit.backend.cancel(poll)
        return visit.result(of: poll) == -ECANCELED ? "opened" : "not cancelled"
    } catch {
        return "\(error)"
    }
}
