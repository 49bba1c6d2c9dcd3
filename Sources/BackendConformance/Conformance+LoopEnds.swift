// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

// The last turns of a loop.
extension ConformanceSuite {
    static let endChecks = [
        ConformanceCheck("stop: jobs that make others run to their end", stopChain),
        ConformanceCheck("stop: jobs without end, and what they close", stopEndless),
        ConformanceCheck("stop: a stream that nobody has stopped", stopForgotten),
        ConformanceCheck("stop: a layer that ends in the last job", stopLayered),
    ]

    @Sendable
    static func stopChain(_ run: ConformanceRun) throws {
        // Wrong: a loop that stops leaves while a job that it has accepted would make another.
        for capacity in [1, 1024] {
            var options = LoopOptions()
            options.inboxCapacity = capacity
            options.stopGraceNanoseconds = 60_000_000_000
            let rig = try LoopRig(run, options: options)
            let ran = Board(0)
            let loop = rig.loop
            @Sendable func next() {
                let isLast = ran.update { count in
                    count += 1
                    return count == 1000
                }
                if isLast { return }
                let isPosted = loop.post(closure: { next() })
                run.expect(isPosted, "a job was refused within the grace")
            }
            rig.post {
                loop.stop()
                next()
            }
            rig.stop()
            run.expect(ran.read { $0 }, equals: 1000, "jobs of a chain, inbox of \(capacity)")
        }
    }

    @Sendable
    static func stopEndless(_ run: ConformanceRun) throws {
        // Wrong: jobs that make more of themselves keep a loop that stops; one that was accepted
        // does not run; or what the last of them closes stays open.
        for capacity in [1, 1024] {
            var options = LoopOptions()
            options.inboxCapacity = capacity
            options.stopGraceNanoseconds = 1
            let rig = try LoopRig(run, options: options)
            let (near, far) = try Wires.pair()
            let file = OpenFile(near)
            let counts = Board((ran: 0, accepted: 1, closed: 0))
            let loop = rig.loop
            @Sendable func again() {
                counts.update { $0.ran += 1 }
                if loop.isOver && counts.read({ $0.closed == 0 }) {
                    counts.update { $0.closed = 1 }
                    loop.close(near)
                    run.expect(
                        loop.refusalCode, equals: Int32(MILLRACE_ECANCELED),
                        "why a loop that is over takes nothing")
                }
                if loop.post(closure: { again() }) { counts.update { $0.accepted += 1 } }
            }
            rig.post { again() }
            rig.stop()
            guard rig.isOver else { return }  // Noted.
            let (ran, accepted, closed) = counts.read { $0 }
            run.expect(ran, equals: accepted, "jobs that ran, of those that were accepted")
            run.expect(closed, equals: 1, "no job ran when the loop was over")
            run.expect(!file.isOpen, "what a last job has closed is open")
            run.expect(loop.operationCount, equals: 0, "something is under way behind the end")
            if file.isOpen { Wires.close(near) }
            Wires.close(far)
        }
    }

    @Sendable
    static func stopForgotten(_ run: ConformanceRun) throws {
        // Wrong: a loop that has ended is kept by a stream that was not stopped, and keeps it.
        let (near, far) = try Wires.pair()
        weak var gone: EventLoop?
        do {
            let loop = EventLoop(try run.open())
            gone = loop
            loop.post(closure: { [unowned loop] in
                ReceiveStream(loop: loop, descriptor: near).start()
                loop.stop()
            })
            try loop.run()
            run.expect(loop.operationCount, equals: 0, "something is under way behind the end")
        }
        run.expect(gone == nil, "a loop that has ended is kept")
        for descriptor in [near, far] { Wires.close(descriptor) }
    }

    @Sendable
    static func stopLayered(_ run: ConformanceRun) throws {
        // Wrong: a stream whose layer changes in the loop's last job, while somebody waits, is kept
        // for ever, and keeps its loop.
        var options = LoopOptions()
        options.stopGraceNanoseconds = 1
        options.receiveCreditByteCount = 8
        weak var gone: ReceiveStream?
        do {
            let rig = try LayerRig(run, options: options)
            gone = rig.input
            // More than half of the credit lies behind what is unread: the stream has paused, and
            // the loop's stop, which cancels operations, does not end it.
            try rig.send(ToyLayer.record(.data, [1]) + ToyLayer.record(.end) + Wires.pattern(20))
            try run.wait("a pause") {
                try rig.call { $0.input.isReady && $0.rig.loop.operationCount == 0 }
            }
            let isDone = Board(false)
            @Sendable func again() {
                if rig.rig.post({ again() }) { return }
                // The last job: nothing more can be posted.
                rig.input.whenEnded {}
                run.expect(rig.input.end, equals: nil, "an end before what is unread")
                _ = rig.input.takeChunk()
                run.expect(rig.input.end, equals: .finished, "the layer's own end")
                run.expect(rig.input.cancelWaiter(), "a waiter was called in the middle")
                rig.input.stop()
                rig.output.stop()
                rig.rig.loop.close(rig.near)
                isDone.update { $0 = true }
            }
            rig.rig.post { again() }
            rig.rig.stop()
            run.expect(isDone.read { $0 }, "no job was refused")
            Wires.close(rig.far)
        }
        run.expect(gone == nil, "a stream is kept behind its loop's end")
    }
}
