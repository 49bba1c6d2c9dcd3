// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops
import StressSupport
import Testing

extension ConformanceSuite {
    static let limitChecks = [
        ConformanceCheck("limits: a full operation table answers nil", tableFull),
        ConformanceCheck("limits: close works although the table is full", closeWithFullTable),
        ConformanceCheck("limits: small queues lose nothing", smallQueues),
        ConformanceCheck("loop: close is real and ends what is under way", loopClose),
        ConformanceCheck("loop: a late cancel of a reused slot does nothing", loopLateCancel),
    ]

    static let timerChecks = [
        ConformanceCheck("timers: in order, never early", timerOrder),
        ConformanceCheck("timers: cancel", timerCancel),
        ConformanceCheck("timers: set again from their own handler", timerReentrant),
        ConformanceCheck("timers: a full wheel answers nil", timerFull),
    ]

    static let postingChecks = [
        ConformanceCheck("post: every job once, in order for each thread", postOrder),
        ConformanceCheck("post: beyond the inbox, from its own thread and others", postOverflow),
        ConformanceCheck("post: no wake-up is lost", postWakes),
    ]

    @Sendable
    static func tableFull(_ factory: BackendFactory) throws {
        // Wrong: a loop takes more operations than its limit, or loses a slot.
        var options = LoopOptions()
        options.operationsMax = 4
        let rig = try LoopRig(factory, options: options)
        let (reader, writer) = try Wires.pipe()
        for _ in 0..<3 {
            let results = Board<[Int32]>([])
            let ids = try rig.call { loop in
                // SAFETY: no memory is named.
                (0..<6).map { _ in
                    unsafe loop.start(.poll(descriptor: reader, events: 1)) { completion in
                        results.update { $0.append(completion.result) }
                    }
                }
            }
            #expect(ids.compactMap { $0 }.count == 4)
            #expect(ids[4] == nil && ids[5] == nil)
            #expect(try rig.call { $0.operationCount } == 4)
            try rig.call { loop in for id in ids { if let id { loop.cancel(id) } } }
            #expect(results.wait { $0.count == 4 ? true : nil } == true)
            #expect(results.read { $0 } == Array(repeating: -Int32(MILLRACE_ECANCELED), count: 4))
            #expect(try rig.call { $0.operationCount } == 0)
        }
        rig.stop()
        for descriptor in [reader, writer] { Wires.close(descriptor) }
    }

    @Sendable
    static func closeWithFullTable(_ factory: BackendFactory) throws {
        // Wrong: at the limit, a closed socket stays open in the kernel for ever.
        var options = LoopOptions()
        options.operationsMax = 2
        let rig = try LoopRig(factory, options: options)
        let (near, far) = try Wires.pair()
        let (reader, writer) = try Wires.pipe()
        let over = Board<[Int32]>([])
        try rig.call { loop in
            // SAFETY: no memory is named.
            unsafe loop.start(.poll(descriptor: near, events: 1)) { completion in
                over.update { $0.append(completion.result) }
            }
            unsafe loop.start(.poll(descriptor: reader, events: 1)) { _ in }  // SAFETY: as above.
        }
        try rig.call { $0.close(near) }
        #expect(over.wait { $0.isEmpty ? nil : $0 } == [-Int32(MILLRACE_ECANCELED)])
        #expect(try Wires.receive(1, from: far).isEmpty, "the peer reads the end")
        #expect(!Wires.isOpen(near))
        rig.stop()
        for descriptor in [far, reader, writer] { Wires.close(descriptor) }
    }

    @Sendable
    static func smallQueues(_ factory: BackendFactory) throws {
        // Wrong: completions are lost when many come at once, submissions when the queue is full.
        for submissions in [4, 256] { try smallQueues(factory, submissions: submissions) }
    }

    private static func smallQueues(_ factory: BackendFactory, submissions: Int) throws {
        var options = LoopOptions()
        options.submissionQueueCapacity = submissions
        options.completionQueueCapacity = 8
        let rig = try LoopRig(factory, options: options)
        let (reader, writer) = try Wires.pipe()
        let count = Board(0)
        try rig.call { loop in
            for _ in 0..<500 {
                // SAFETY: no memory is named.
                let id = unsafe loop.start(.poll(descriptor: reader, events: 1)) { completion in
                    if completion.result > 0 { count.update { $0 += 1 } }
                }
                #expect(id != nil)
            }
        }
        #expect(try rig.call { $0.operationCount } == 500)
        Wires.write(writer)
        #expect(count.wait { $0 == 500 ? true : nil } == true, "\(count.read { $0 }) of 500")
        // A wake-up still arrives after the queue overflowed.
        for _ in 0..<100 { #expect(try rig.call { $0.operationCount } == 0) }
        rig.stop()
        for descriptor in [reader, writer] { Wires.close(descriptor) }
    }

    @Sendable
    static func loopClose(_ factory: BackendFactory) throws {
        // Wrong: `close` leaves the descriptor open, or an operation on it waiting.
        let rig = try LoopRig(factory)
        for _ in 0..<20 {
            let (near, far) = try Wires.pair()
            let over = Board<[Int32]>([])
            try rig.call { loop in
                let stream = ReceiveStream(loop: loop, descriptor: near)
                stream.start()
                // SAFETY: no memory is named.
                unsafe loop.start(.poll(descriptor: near, events: 1)) { completion in
                    over.update { $0.append(completion.result) }
                }
                stream.stop()
                loop.close(near)
            }
            #expect(over.wait { $0.isEmpty ? nil : $0 } == [-Int32(MILLRACE_ECANCELED)])
            #expect(try Wires.receive(1, from: far).isEmpty)
            let left = try rig.call { $0.operationCount }
            #expect(left == 0)
            Wires.close(far)
        }
        #expect(try rig.call { $0.statistics.staleCompletions } == 0)
        rig.stop()
    }

    @Sendable
    static func loopLateCancel(_ factory: BackendFactory) throws {
        // Wrong: the name of a finished operation cancels the one that has its slot.
        var options = LoopOptions()
        options.operationsMax = 1
        let rig = try LoopRig(factory, options: options)
        let (reader, writer) = try Wires.pipe()
        let results = Board<[Int32]>([])
        let poll: @Sendable (EventLoop) -> OperationID? = { loop in
            // SAFETY: no memory is named.
            unsafe loop.start(.poll(descriptor: reader, events: 1)) { completion in
                results.update { $0.append(completion.result) }
            }  // SAFETY: no memory is named.
        }
        let first = try rig.call(poll)
        Wires.write(writer)
        #expect(results.wait { $0.count == 1 ? true : nil } == true)
        Wires.drain(reader)
        let second = try rig.call(poll)
        #expect(first?.index == second?.index && first != second)
        try rig.call { loop in if let first { loop.cancel(first) } }
        for _ in 0..<5 { _ = try rig.call { _ in 0 } }
        #expect(results.read { $0.count } == 1)
        Wires.write(writer)
        #expect(results.wait { $0.count == 2 ? $0.last : nil }.map { $0 > 0 } == true)
        rig.stop()
        for descriptor in [reader, writer] { Wires.close(descriptor) }
    }

    // MARK: Timers

    @Sendable
    static func timerOrder(_ factory: BackendFactory) throws {
        // Wrong: a time limit strikes early, or timers overtake each other.
        let rig = try LoopRig(factory)
        let fired = Board<[(Int, MonotonicInstant)]>([])
        let base = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000)
        var generator = SplitMix64(seed: 7)
        let offsets = (0..<300).map { _ in generator.next() % 40_000_000 }
        try rig.call { loop in
            for (index, offset) in offsets.enumerated() {
                let timer = loop.at(base.advanced(byNanoseconds: offset)) { isStopped in
                    if !isStopped { fired.update { $0.append((index, .now)) } }
                }
                #expect(timer != nil)
            }
        }
        #expect(fired.wait { $0.count == 300 ? true : nil } == true)
        var last: UInt64 = 0
        for (index, instant) in fired.read({ $0 }) {
            #expect(instant >= base.advanced(byNanoseconds: offsets[index]), "early")
            let tick = (base.nanoseconds + offsets[index]) >> 18
            #expect(tick + 1 >= last, "out of order")
            last = max(last, tick)
        }
        #expect(try rig.call { $0.timerCount } == 0)
        rig.stop()
    }

    @Sendable
    static func timerCancel(_ factory: BackendFactory) throws {
        // Wrong: a cancelled timer fires, or cancelling takes another's timer.
        let rig = try LoopRig(factory)
        let fired = Board<[Int]>([])
        let outcome = try rig.call { loop in
            let timers = (0..<10).map { index in
                loop.after(nanoseconds: 5_000_000) { _ in fired.update { $0.append(index) } }
            }
            var answers: [Bool] = []
            for index in stride(from: 0, to: 10, by: 2) {
                guard let timer = timers[index] else { continue }
                answers.append(loop.cancel(timer))
                answers.append(loop.cancel(timer))
            }
            return answers
        }
        #expect(outcome == Array(repeating: [true, false], count: 5).flatMap { $0 })
        #expect(fired.wait { $0.count == 5 ? true : nil } == true)
        #expect(fired.read { $0 } == [1, 3, 5, 7, 9])
        rig.stop()
    }

    @Sendable
    static func timerReentrant(_ factory: BackendFactory) throws {
        // Wrong: a handler that sets its timer again keeps the loop from everything else.
        let rig = try LoopRig(factory)
        let count = Board(0)
        let done = Board(false)
        try rig.call { loop in
            @Sendable func again(_ isStopped: Bool) {
                guard !isStopped else { return }
                count.update { $0 += 1 }
                if !done.read({ $0 }) { loop.at(MonotonicInstant(nanoseconds: 1), again) }
            }
            again(false)
        }
        #expect(count.wait { $0 > 20 ? true : nil } == true)
        for _ in 0..<20 { _ = try rig.call { _ in 0 } }
        done.update { $0 = true }
        rig.stop()
    }

    @Sendable
    static func timerFull(_ factory: BackendFactory) throws {
        // Wrong: a timer beyond the limit is taken and lost.
        var options = LoopOptions()
        options.timersMax = 3
        let rig = try LoopRig(factory, options: options)
        let stopped = Board(0)
        let set = try rig.call { loop in
            (0..<5).map { _ in
                loop.after(nanoseconds: 60_000_000_000) { isStopped in
                    if isStopped { stopped.update { $0 += 1 } }
                }
            }
        }
        #expect(set.compactMap { $0 }.count == 3)
        rig.stop()
        #expect(stopped.read { $0 } == 3, "a stopped loop answers its timers")
    }

    // MARK: Posting

    @Sendable
    static func postOrder(_ factory: BackendFactory) throws {
        // Wrong: two messages of one thread change places, or one gets lost.
        var options = LoopOptions()
        options.inboxCapacity = 16
        let rig = try LoopRig(factory, options: options)
        let threads = 4
        let each = 5000
        let seen = Board<[[Int]]>(Array(repeating: [], count: threads))
        ThreadTeam.run(count: threads) { thread in
            for number in 0..<each {
                let isPosted = rig.post { seen.update { $0[thread].append(number) } }
                if !isPosted { Issue.record("refused") }
            }
        }
        let isComplete = seen.wait { all in
            all.allSatisfy { $0.count == each } ? true : nil
        }
        #expect(isComplete == true)
        for thread in 0..<threads {
            let isSame = seen.read { $0[thread] } == Array(0..<each)
            #expect(isSame, "out of order")
        }
        rig.stop()
    }

    @Sendable
    static func postOverflow(_ factory: BackendFactory) throws {
        // Wrong: a full inbox refuses a job, waits, or forgets to wake the loop.
        var options = LoopOptions()
        options.inboxCapacity = 2
        let rig = try LoopRig(factory, options: options)
        let seen = Board<[Int]>([])
        try rig.call { loop in
            for number in 0..<1000 {
                let isPosted = loop.post(closure: { seen.update { $0.append(number) } })
                #expect(isPosted)
            }
        }
        #expect(seen.wait { $0.count == 1000 ? true : nil } == true)
        let isSame1000 = seen.read { $0 } == Array(0..<1000)
        #expect(isSame1000, "out of order")
        // From others, while the loop's thread is busy.
        let gate = Board(false)
        rig.post { _ = gate.wait { $0 ? true : nil } }
        for number in 0..<1000 { rig.post { seen.update { $0.append(1000 + number) } } }
        gate.update { $0 = true }
        #expect(seen.wait { $0.count == 2000 ? true : nil } == true)
        let isSame2000 = seen.read { $0 } == Array(0..<2000)
        #expect(isSame2000, "out of order")
        rig.stop()
    }

    @Sendable
    static func postWakes(_ factory: BackendFactory) throws {
        // Wrong: a loop sleeps although a job was posted.
        let rig = try LoopRig(factory)
        let threads = 4
        ThreadTeam.run(count: threads) { thread in
            var generator = SplitMix64(seed: 11, stream: thread)
            for _ in 0..<500 {
                do { _ = try rig.call { _ in 0 } } catch { Issue.record("lost: \(error)") }
                for _ in 0..<generator.next() % 3000 { millrace_spin_hint() }
            }
        }
        rig.stop()
    }
}
