// SPDX-License-Identifier: MIT

import BackendConformance
import CLinuxShims
import EventLoops
import LoopSimulation
import Testing

@Suite("What a program owes the contract, and a world looks at")
struct PromiseTests {
    @Test("Bytes that are changed under a send are counted", arguments: [false, true], 0...1)
    func changedSend(isMessage: Bool, change: UInt8) throws {
        // Wrong: a program that uses memory again before its send is done is taken for a right one;
        // or every program is blamed.
        let world = try enteredWorld()
        defer { SimulatedWorld.leave() }
        let visit = try visit(world)
        let (near, _) = try pair()
        let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: 1000)
        unsafe memory.initialize(repeating: 7, count: 1000)  // SAFETY: just allocated.
        defer { unsafe memory.deallocate() }  // SAFETY: the operation is over.
        // SAFETY: lives until `memory` is freed.
        var slice = unsafe millrace_slice(base: memory, count: 1000)
        // SAFETY: slice, message and memory live until the operation is over, in the last line.
        unsafe withUnsafeMutablePointer(to: &slice) { slice in
            var message = unsafe millrace_message()  // SAFETY: zeroes.
            unsafe message.slices = unsafe UnsafePointer(slice)  // SAFETY: lives for the body.
            unsafe message.slice_count = 1  // SAFETY: a plain word.
            unsafe withUnsafePointer(to: message) { message in
                // SAFETY: as above.
                let request =
                    unsafe isMessage
                    ? Request.sendMessage(descriptor: near, message)
                    : .send(descriptor: near, from: memory, count: 1000)
                unsafe visit.start(request)  // SAFETY: as above.
                unsafe memory[999] += change  // SAFETY: in bounds.
                #expect(visit.next().map(\.result) == [1000])
            }
        }
        #expect(world.statistics.changedSends == UInt64(change))
    }

    @Test("An operation on a number that was closed is counted, and nobody gets the number")
    func strayRequest() throws {
        // Wrong: a program that still uses a closed number is taken for a right one, because
        // another socket has it by then.
        let world = try enteredWorld()
        defer { SimulatedWorld.leave() }
        let visit = try visit(world)
        let (near, _) = try pair()
        #expect(millrace_close(near) == 0)
        let (next, _) = try pair()
        #expect(next != near)
        // SAFETY: a poll names no memory.
        unsafe visit.start(.poll(descriptor: near, events: UInt32(MILLRACE_POLLIN)))
        #expect(visit.next().map(\.result) == [-Int32(MILLRACE_EBADF)])
        #expect(world.statistics.strayRequests == 1)
        #expect(world.statistics.strayCloses == 0)
    }

    @Test("With the fault, a number that was closed comes back at once")
    func reusedNumber() throws {
        // Wrong: what one socket's late operations do to the next one is met by no storm.
        var plan = FaultPlan()
        plan[.reusedDescriptor] = 1_000_000
        let world = try enteredWorld(plan)
        defer { SimulatedWorld.leave() }
        let (near, far) = try pair()
        #expect(millrace_close(near) == 0)
        #expect(millrace_close(far) == 0)
        #expect(try pair() == (far, near))
        #expect(world.statistics[.reusedDescriptor] == 2)
    }

    @Test("What a full submission queue had no room for begins a wait later")
    func fullQueue() throws {
        // Wrong: the fault is counted and delays nothing.
        for chance: UInt32 in [0, 1_000_000] {
            var plan = FaultPlan()
            plan[.fullSubmissionQueue] = chance
            let world = try enteredWorld(plan)
            defer { SimulatedWorld.leave() }
            let visit = try visit(world)
            let (near, _) = try pair()
            // SAFETY: a poll names no memory.
            unsafe visit.start(.poll(descriptor: near, events: UInt32(MILLRACE_POLLOUT)))
            let isLate = chance > 0
            #expect(visit.turn().isEmpty == isLate)
            #expect(visit.turn().isEmpty != isLate)
            #expect(visit.backend.statistics.fullSubmissionQueues == (isLate ? 1 : 0))
        }
    }

    // MARK: Means

    private func enteredWorld(_ plan: FaultPlan = FaultPlan()) throws -> SimulatedWorld {
        let world = SimulatedWorld(seed: 1, plan: plan)
        world.enter()
        return world
    }

    private func visit(_ world: SimulatedWorld) throws -> BackendVisit {
        let options = LoopOptions()
        return try BackendVisit(SimulatedBackend(world, options: options), options: options)
    }

    private func pair() throws -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        // SAFETY: the callee fills both.
        try #require(unsafe millrace_socket_pair(Int32(MILLRACE_SOCK_STREAM), &ends) == 0)
        return (ends[0], ends[1])
    }
}
