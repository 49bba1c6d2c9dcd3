// SPDX-License-Identifier: MIT

import AtomicSupport
import CTestSupport
import EventLoops
import StressSupport
import Testing

@Suite("Posting wakes a loop once, and only when it sleeps", .serialized)
struct WakeUpTests {
    /// How many threads post at the same moment, and how many jobs each: more than the inbox holds,
    /// too.
    private static let crowds = [[1, 1], [1, 5_000], [8, 1], [8, 200]]

    @Test("An awake loop costs no system call", arguments: backends, crowds)
    func awake(_ choice: BackendChoice, _ crowd: [Int]) throws {
        // If this failed, every job from another thread would cost a system call.
        let rig = WakeUpRig(try EventLoop(choice: choice), threads: crowd[0], jobs: crowd[1])
        let count = rig.run { rig in
            // A timer has woken it: who posts wakes nobody any more, as after a post.
            rig.beginHolding()
            let before = rig.wakeUps
            rig.postFromAll()
            rig.endHolding()
            return rig.wakeUps - before
        }
        #expect(count == 0)
    }

    @Test("A sleeping loop is woken once, whoever posts", arguments: backends, crowds)
    func asleep(_ choice: BackendChoice, _ crowd: [Int]) throws {
        // If this failed, threads that post together would each pay for waking the loop; or, at
        // zero, none would.
        let rig = WakeUpRig(try EventLoop(choice: choice), threads: crowd[0], jobs: crowd[1])
        let counts = rig.run { rig in
            (0..<20).map { _ in
                rig.waitUntilAsleep()
                let before = rig.wakeUps
                rig.postFromAll()
                rig.waitForJobs()
                return rig.wakeUps - before
            }
        }
        #expect(counts == Array(repeating: 1, count: 20))
    }

    @Test("A job sees the time of its own turn", arguments: backends)
    func ownTime(_ choice: BackendChoice) throws {
        // If this failed, a limit that a job sets from the loop's time would strike early by as
        // long as the loop has slept before.
        let rig = WakeUpRig(try EventLoop(choice: choice), threads: 1, jobs: 1)
        let isRight = rig.run { rig in
            (0..<20).allSatisfy { _ in
                rig.waitUntilAsleep()
                let before = MonotonicInstant.now
                rig.postFromAll()
                rig.waitForJobs()
                return rig.lastTurn >= before
            }
        }
        #expect(isRight == true)
    }

    @Test("The statistics tell how often the loop was woken", arguments: backends)
    func told(_ choice: BackendChoice) throws {
        // If this failed, who looks for the system calls that posting costs would find none.
        let rig = WakeUpRig(try EventLoop(choice: choice), threads: 1, jobs: 1)
        let count = rig.run { rig in
            for _ in 0..<5 {
                rig.waitUntilAsleep()
                rig.postFromAll()
                rig.waitForJobs()
            }
            return rig.wakeUps
        }
        #expect(count == 5 && rig.loop.statistics.wakeUps == 5)
    }
}

/// A loop on a thread, and threads that post to it. A job holds the loop until everybody has
/// posted: one that went to sleep between two posts would have to be woken twice.
@safe
private final class WakeUpRig: @unchecked Sendable {
    // Edges: E1  posted add → the job's load   nothing that is posted later is missed
    //        E2  ran add → the waiting load    the jobs are over; carries `turn`
    //        E3  threadID store → load
    //        E4  isHeld store → load           a timer holds the loop

    let loop: EventLoop
    private let threads: Int
    private let jobs: Int
    private let threadID = Atomic<Int>(0)
    private let posted = Atomic<Int>(0)
    private let ran = Atomic<Int>(0)
    private let due = Atomic<Int>(0)
    private let isHolding = Atomic<Bool>(false)
    private let isHeld = Atomic<Bool>(false)
    private let turn = Atomic<Int>(0)

    init(_ loop: EventLoop, threads: Int, jobs: Int) {
        self.loop = loop
        self.threads = threads
        self.jobs = jobs
    }

    var wakeUps: Int { loop.wakeUps }

    /// When the turn of the last job began; once the jobs are over.
    var lastTurn: MonotonicInstant {
        MonotonicInstant(nanoseconds: UInt64(turn.load(ordering: .relaxed)))
    }

    /// Runs the loop on one thread and `body` on another; nil if the loop failed.
    func run<Value: Sendable>(_ body: @escaping @Sendable (WakeUpRig) -> Value) -> Value? {
        let result = ResultBox<Value>()
        ThreadTeam.run(count: 2) { index in
            if index == 0 {
                self.threadID.store(Int(test_thread_id()), ordering: .releasing)  // E3
                do { try self.loop.run() } catch { result.value = nil }
            } else {
                self.wait { self.threadID.load(ordering: .acquiring) != 0 }  // E3
                self.waitUntilAsleep()
                result.value = body(self)
                self.loop.stop()
            }
        }
        return result.value
    }

    func waitUntilAsleep() {
        let id = Int32(threadID.load(ordering: .acquiring))  // E3
        wait { test_thread_sleeps(id) }
    }

    /// Every thread posts its jobs; they have not all run.
    func postFromAll() {
        posted.store(0, ordering: .relaxed)
        due.add(threads * jobs, ordering: .relaxed)
        ThreadTeam.run(count: threads) { _ in
            for _ in 0..<self.jobs { self.loop.post(self.job) }
            self.posted.add(1, ordering: .releasing)  // E1
        }
    }

    func waitForJobs() {
        let count = due.load(ordering: .relaxed)
        wait { self.ran.load(ordering: .acquiring) == count }  // E2
    }

    /// Keeps the loop awake, in a timer that has ended its sleep.
    func beginHolding() {
        isHolding.store(true, ordering: .relaxed)
        posted.store(threads, ordering: .relaxed)
        due.add(1, ordering: .relaxed)
        // SAFETY: the rig lives until the loop is over.
        let starter = unsafe LoopJob(context: Unmanaged.passUnretained(self).toOpaque()) {
            // SAFETY: as above.
            unsafe Unmanaged<WakeUpRig>.fromOpaque($0).takeUnretainedValue().setTimer()
        }
        loop.post(starter)
        wait { self.isHeld.load(ordering: .acquiring) }  // E4
    }

    private func setTimer() {
        // Far enough to be slept on, also if somebody else has the processor first.
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 20_000_000)
        // SAFETY: as above.
        let timer = unsafe loop.schedule(
            at: deadline, context: Unmanaged.passUnretained(self).toOpaque()
        ) { context, _ in
            // SAFETY: as above.
            let rig = unsafe Unmanaged<WakeUpRig>.fromOpaque(context).takeUnretainedValue()
            rig.isHeld.store(true, ordering: .releasing)  // E4
            rig.hold()
        }
        if timer == nil { Issue.record("a timer was refused") }
    }

    func endHolding() {
        isHolding.store(false, ordering: .relaxed)
        waitForJobs()
    }

    private var job: LoopJob {
        // SAFETY: the rig lives until the loop is over.
        unsafe LoopJob(context: Unmanaged.passUnretained(self).toOpaque()) { context in
            // SAFETY: as above.
            unsafe Unmanaged<WakeUpRig>.fromOpaque(context).takeUnretainedValue().hold()
        }
    }

    private func hold() {
        wait {
            self.posted.load(ordering: .acquiring) >= self.threads  // E1
                && !self.isHolding.load(ordering: .relaxed)
        }
        turn.store(Int(loop.now.nanoseconds), ordering: .relaxed)  // E2 carries it.
        ran.add(1, ordering: .releasing)  // E2
    }

    /// Spins until it is so, at most twenty seconds.
    private func wait(_ isSo: () -> Bool) {
        let deadline = MonotonicInstant.now.advanced(byNanoseconds: 20_000_000_000)
        var backoff = Backoff()
        while !isSo() {  // Ends with the deadline.
            guard MonotonicInstant.now < deadline else {
                Issue.record("something took too long")
                return
            }
            backoff.snooze()
        }
    }
}

/// What a thread of a team gives back; the end of the team is the edge.
private final class ResultBox<Value: Sendable>: @unchecked Sendable {
    var value: Value?
}
