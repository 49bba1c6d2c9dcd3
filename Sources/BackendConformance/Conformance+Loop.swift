// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops
internal import StressSupport

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
    static func tableFull(_ run: ConformanceRun) throws {
        // Wrong: a loop takes more operations than its limit, or loses a slot.
        var options = LoopOptions()
        options.operationsMax = 4
        let rig = try LoopRig(run, options: options)
        let (reader, writer) = try Wires.pipe()
        for _ in 0..<3 {
            let results = Board<[Int32]>([])
            let (ids, refusal) = try rig.call { loop in
                // SAFETY: no memory is named.
                let ids = (0..<6).map { _ in
                    unsafe loop.start(.poll(descriptor: reader, events: 1)) { completion in
                        results.update { $0.append(completion.result) }
                    }
                }
                return (ids, loop.refusalCode)
            }
            run.expect(
                refusal, equals: Int32(MILLRACE_ENOBUFS), "why a full table takes no more")
            run.expect(
                ids.compactMap { $0 }.count, equals: 4,
                "a table of four operations did not take exactly four")
            run.expect(
                ids[4] == nil && ids[5] == nil, "an operation was taken beyond the table's four")
            run.expect(
                try rig.call { $0.operationCount }, equals: 4,
                "the loop does not count four operations under way")
            try rig.call { loop in for id in ids { if let id { loop.cancel(id) } } }
            run.expect(results, becomes: { $0.count == 4 }, "four cancelled polls did not complete")
            run.expect(
                results.read { $0 }, equals: Array(repeating: -Int32(MILLRACE_ECANCELED), count: 4),
                "the polls did not complete as cancelled")
            run.expect(
                try rig.call { $0.operationCount }, equals: 0,
                "operations are still under way after the last completion")
        }
        rig.stop()
        for descriptor in [reader, writer] { Wires.close(descriptor) }
    }

    @Sendable
    static func closeWithFullTable(_ run: ConformanceRun) throws {
        // Wrong: at the limit, a closed socket stays open in the kernel for ever.
        var options = LoopOptions()
        options.operationsMax = 2
        let rig = try LoopRig(run, options: options)
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
        let file = OpenFile(near)
        try rig.call { $0.close(near) }
        run.expect(
            run.wait(over) { $0.isEmpty ? nil : $0 }, equals: [-Int32(MILLRACE_ECANCELED)],
            "a poll was not cancelled by the close of its descriptor")
        run.expect(try Wires.receive(1, from: far).isEmpty, "the peer did not read the end")
        run.expect(!file.isOpen, "a closed descriptor is still open")
        rig.stop()
        for descriptor in [far, reader, writer] { Wires.close(descriptor) }
    }

    @Sendable
    static func smallQueues(_ run: ConformanceRun) throws {
        // Wrong: completions are lost when many come at once, submissions when the queue is full.
        for submissions in [4, 256] { try smallQueues(run, submissions: submissions, gather: 0) }
        // A loop that waits for several completions at a time still hears of the last.
        try smallQueues(run, submissions: 256, gather: 2_000_000)
    }

    private static func smallQueues(
        _ run: ConformanceRun, submissions: Int, gather: UInt64
    ) throws {
        var options = LoopOptions()
        options.batchWaitNanoseconds = gather
        options.submissionQueueCapacity = submissions
        options.completionQueueCapacity = 8
        let rig = try LoopRig(run, options: options)
        let (reader, writer) = try Wires.pipe()
        let count = Board(0)
        try rig.call { loop in
            for _ in 0..<500 {
                // SAFETY: no memory is named.
                let id = unsafe loop.start(.poll(descriptor: reader, events: 1)) { completion in
                    if completion.result > 0 { count.update { $0 += 1 } }
                }
                run.expect(id != nil, "an operation was refused below the limit")
            }
        }
        run.expect(
            try rig.call { $0.operationCount }, equals: 500,
            "the loop does not count 500 operations under way")
        Wires.write(writer)
        run.expect(count, becomes: { $0 == 500 }, "\(count.read { $0 }) of 500 completions came")
        // A wake-up still arrives after the queue overflowed.
        for _ in 0..<100 {
            run.expect(
                try rig.call { $0.operationCount }, equals: 0,
                "operations are still under way after the last completion")
        }
        rig.stop()
        for descriptor in [reader, writer] { Wires.close(descriptor) }
    }

    @Sendable
    static func loopClose(_ run: ConformanceRun) throws {
        // Wrong: `close` leaves the descriptor open, or an operation on it waiting.
        let rig = try LoopRig(run)
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
            run.expect(
                run.wait(over) { $0.isEmpty ? nil : $0 }, equals: [-Int32(MILLRACE_ECANCELED)],
                "a poll was not cancelled by the close of its descriptor")
            run.expect(try Wires.receive(1, from: far).isEmpty, "the peer did not read the end")
            let left = try rig.call { $0.operationCount }
            run.expect(left, equals: 0, "operations are still under way after a close")
            Wires.close(far)
        }
        run.expect(
            try rig.call { $0.statistics.staleCompletions }, equals: 0,
            "completions came for operations that were over")
        rig.stop()
    }

    @Sendable
    static func loopLateCancel(_ run: ConformanceRun) throws {
        // Wrong: the name of a finished operation cancels the one that has its slot.
        var options = LoopOptions()
        options.operationsMax = 1
        let rig = try LoopRig(run, options: options)
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
        run.expect(results, becomes: { $0.count == 1 }, "a poll did not complete")
        Wires.drain(reader)
        let second = try rig.call(poll)
        run.expect(
            first?.index == second?.index && first != second,
            "the second operation did not get the first one's slot under another name")
        try rig.call { loop in if let first { loop.cancel(first) } }
        for _ in 0..<5 { _ = try rig.call { _ in 0 } }
        run.expect(
            results.read { $0.count }, equals: 1, "a late cancellation ended another operation")
        Wires.write(writer)
        run.expect(
            run.wait(results) { $0.count == 2 ? $0.last : nil }.map { $0 > 0 } == true,
            "the operation behind a late cancellation did not complete with its event")
        rig.stop()
        for descriptor in [reader, writer] { Wires.close(descriptor) }
    }

    // MARK: Timers

    @Sendable
    static func timerOrder(_ run: ConformanceRun) throws {
        // Wrong: a time limit strikes early, or timers overtake each other.
        let rig = try LoopRig(run)
        let fired = Board<[(Int, MonotonicInstant)]>([])
        let base = MonotonicInstant.now.advanced(byNanoseconds: 5_000_000)
        var generator = SplitMix64(seed: 7)
        let offsets = (0..<300).map { _ in generator.next() % 40_000_000 }
        try rig.call { loop in
            for (index, offset) in offsets.enumerated() {
                let timer = loop.at(base.advanced(byNanoseconds: offset)) { isStopped in
                    if !isStopped { fired.update { $0.append((index, .now)) } }
                }
                run.expect(timer != nil, "a timer was refused below the limit")
            }
        }
        run.expect(fired, becomes: { $0.count == 300 }, "not all of 300 timers fired")
        var last: UInt64 = 0
        for (index, instant) in fired.read({ $0 }) {
            run.expect(
                instant >= base.advanced(byNanoseconds: offsets[index]), "a timer fired early")
            let tick = (base.nanoseconds + offsets[index]) >> 18
            run.expect(tick + 1 >= last, "timers fired out of order")
            last = max(last, tick)
        }
        run.expect(
            try rig.call { $0.timerCount }, equals: 0, "timers are still set after the last fired")
        rig.stop()
    }

    @Sendable
    static func timerCancel(_ run: ConformanceRun) throws {
        // Wrong: a cancelled timer fires, or cancelling takes another's timer.
        let rig = try LoopRig(run)
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
        run.expect(
            outcome, equals: Array(repeating: [true, false], count: 5).flatMap { $0 },
            "a timer could not be cancelled, or twice")
        run.expect(
            fired, becomes: { $0.count == 5 }, "not all timers fired that were not cancelled")
        run.expect(
            fired.read { $0 }, equals: [1, 3, 5, 7, 9],
            "other timers fired than those that were not cancelled")
        rig.stop()
    }

    @Sendable
    static func timerReentrant(_ run: ConformanceRun) throws {
        // Wrong: a handler that sets its timer again keeps the loop from everything else.
        let rig = try LoopRig(run)
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
        run.expect(count, becomes: { $0 > 20 }, "a timer that sets itself again stopped firing")
        for _ in 0..<20 { _ = try rig.call { _ in 0 } }
        done.update { $0 = true }
        rig.stop()
    }

    @Sendable
    static func timerFull(_ run: ConformanceRun) throws {
        // Wrong: a timer beyond the limit is taken and lost.
        var options = LoopOptions()
        options.timersMax = 3
        let rig = try LoopRig(run, options: options)
        let stopped = Board(0)
        let set = try rig.call { loop in
            (0..<5).map { _ in
                loop.after(nanoseconds: 60_000_000_000) { isStopped in
                    if isStopped { stopped.update { $0 += 1 } }
                }
            }
        }
        run.expect(
            set.compactMap { $0 }.count, equals: 3,
            "a wheel of three timers did not take exactly three")
        rig.stop()
        run.expect(stopped.read { $0 }, equals: 3, "a stopped loop did not answer its timers")
    }

    // MARK: Posting

    @Sendable
    static func postOrder(_ run: ConformanceRun) throws {
        // Wrong: two messages of one thread change places, or one gets lost.
        var options = LoopOptions()
        options.inboxCapacity = 16
        let rig = try LoopRig(run, options: options)
        let threads = 4
        let each = 5000
        let seen = Board<[[Int]]>(Array(repeating: [], count: threads))
        ThreadTeam.run(count: threads) { thread in
            for number in 0..<each {
                let isPosted = rig.post { seen.update { $0[thread].append(number) } }
                run.expect(isPosted, "a job was refused while the loop runs")
            }
        }
        run.expect(
            seen, becomes: { $0.allSatisfy { $0.count == each } }, "not all posted jobs ran")
        for thread in 0..<threads {
            let isSame = seen.read { $0[thread] } == Array(0..<each)
            run.expect(isSame, "jobs of one thread ran out of order")
        }
        rig.stop()
    }

    @Sendable
    static func postOverflow(_ run: ConformanceRun) throws {
        // Wrong: a full inbox refuses a job, waits, or forgets to wake the loop.
        var options = LoopOptions()
        options.inboxCapacity = 2
        let rig = try LoopRig(run, options: options)
        let seen = Board<[Int]>([])
        try rig.call { loop in
            for number in 0..<1000 {
                let isPosted = loop.post(closure: { seen.update { $0.append(number) } })
                run.expect(isPosted, "a job was refused while the loop runs")
            }
        }
        run.expect(
            seen, becomes: { $0.count == 1000 },
            "not all jobs ran that were posted on the loop's thread")
        let isSame1000 = seen.read { $0 } == Array(0..<1000)
        run.expect(isSame1000, "jobs ran out of order beyond the inbox")
        // From others, while the loop's thread is busy.
        let gate = Board(false)
        rig.post { _ = run.wait(gate) { $0 ? true : nil } }
        for number in 0..<1000 { rig.post { seen.update { $0.append(1000 + number) } } }
        gate.update { $0 = true }
        run.expect(
            seen, becomes: { $0.count == 2000 },
            "not all jobs ran that were posted beside a busy loop")
        let isSame2000 = seen.read { $0 } == Array(0..<2000)
        run.expect(isSame2000, "jobs ran out of order beyond the inbox")
        rig.stop()
        try overflowAlone(run)
    }

    private static func overflowAlone(_ run: ConformanceRun) throws {
        // The job that runs has the inbox's only node: the next one stands in the overflow list
        // alone, and nothing else wakes the loop.
        var options = LoopOptions()
        options.inboxCapacity = 1
        let rig = try LoopRig(run, options: options)
        let ran = Board(false)
        try rig.call { loop in _ = loop.post(closure: { ran.update { $0 = true } }) }
        run.expect(ran, becomes: { $0 }, "a loop sleeps on a job beyond the inbox")
        rig.stop()
    }

    @Sendable
    static func postWakes(_ run: ConformanceRun) throws {
        // Wrong: a loop sleeps although a job was posted.
        let rig = try LoopRig(run)
        let threads = 4
        ThreadTeam.run(count: threads) { thread in
            var generator = SplitMix64(seed: 11, stream: thread)
            for _ in 0..<500 {
                // A lost job is noted by `call`; one is enough.
                guard (try? rig.call { _ in true }) == true else { return }
                for _ in 0..<generator.next() % 3000 { millrace_spin_hint() }
            }
        }
        rig.stop()
    }
}
