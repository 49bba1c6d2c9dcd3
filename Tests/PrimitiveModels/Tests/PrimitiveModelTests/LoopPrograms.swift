// SPDX-License-Identifier: MIT

import AtomicSupport
@testable import EventLoops
import ModelChecking

/// Programs with a whole event loop, on a backend whose only event is its wake-up.
enum LoopPrograms {
    /// Threads that post so many jobs each; the last job that runs stops the loop. Every job runs
    /// once, a thread's own in their order, and has seen what its poster did.
    static func posts(_ counts: [Int], inboxCapacity: Int) -> (Model) -> Void {
        { model in
            let loop = ModelBackend.loop(inboxCapacity: inboxCapacity)
            let ran = Tally()
            let total = counts.reduce(0, +)
            var jobs: [[PostedJob]] = []
            for (number, count) in counts.enumerated() {
                jobs.append(
                    (0..<count).map { turn in
                        PostedJob { cell in
                            model.check(cell.load() == 1, "a job without its edge")
                            ran.add(10 * number + turn)
                            if ran.values.count == total { loop.stop() }
                        }
                    })
            }
            model.thread("loop") { ModelBackend.run(loop, model) }
            for own in jobs {
                model.thread("poster") {
                    for job in own {
                        model.check(job.post(to: loop), "refused by a loop that runs")
                    }
                }
            }
            model.finally {
                model.check(ran.values.count == total, "lost or doubled")
                for number in counts.indices {
                    let own = ran.values.filter { $0 / 10 == number }
                    model.check(own == own.sorted(), "a thread's jobs out of order")
                }
            }
        }
    }

    /// A thread that posts so many jobs while another one stops the loop: what was accepted runs,
    /// and nothing else.
    static func stop(posts: Int, inboxCapacity: Int) -> (Model) -> Void {
        { model in
            let loop = ModelBackend.loop(inboxCapacity: inboxCapacity)
            let ran = Tally()
            let accepted = Tally()
            let jobs = (0..<posts).map { number in
                PostedJob { cell in
                    model.check(cell.load() == 1, "a job without its edge")
                    ran.add(number)
                }
            }
            let before = PlainCell(0)
            model.thread("loop") {
                ModelBackend.run(loop, model)
                model.check(before.load() == 1, "stopped without an edge")
            }
            model.thread("stopper") {
                before.store(1)
                loop.stop()
            }
            if posts > 0 {
                model.thread("poster") {
                    for (number, job) in jobs.enumerated() where job.post(to: loop) {
                        accepted.add(number)
                    }
                }
            }
            model.finally {
                model.check(ran.values == accepted.values, "lost, doubled or out of order")
                model.check(loop.isOver)
            }
        }
    }
}

/// A job of a model, which writes a cell before it is posted.
@safe
final class PostedJob {
    private let cell = PlainCell(0)
    private let body: (PlainCell<Int>) -> Void

    init(_ body: @escaping (PlainCell<Int>) -> Void) { self.body = body }

    func post(to loop: EventLoop) -> Bool {
        cell.store(1)
        // SAFETY: the program holds the object for as long as its threads run.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let job = unsafe LoopJob(context: context) { context in  // SAFETY: as above.
            // SAFETY: as above.
            let job = unsafe Unmanaged<PostedJob>.fromOpaque(context).takeUnretainedValue()
            job.body(job.cell)
        }
        return loop.post(job)
    }
}

/// A backend without operations: a counter that wakes, as an eventfd does. It orders nothing, so
/// that the loop cannot lean on it.
@safe
final class ModelBackend: EventBackend {
    let name = "model"
    let buffers = ReceiveBuffers(count: 1, byteCount: 16)
    private let block = SharedBlock(byteCount: CacheLine.byteCount)

    // SAFETY: the zeroed word lives in `block`, which lives as long as `self`.
    private var word: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe block.pointer(at: 0, to: Atomic<UInt32>.self)
    }

    static func loop(inboxCapacity: Int) -> EventLoop {
        EventLoop.leaveCurrent()
        var options = LoopOptions()
        options.operationsMax = 2
        options.timersMax = 2
        options.inboxCapacity = inboxCapacity
        options.completionQueueCapacity = 2
        options.idleSendBlocksMax = 1
        return EventLoop(
            SelectedBackend(backend: ModelBackend(), reason: "model"), options: options)
    }

    /// Runs the loop on the calling thread of the model.
    static func run(_ loop: EventLoop, _ model: Model) {
        do { try loop.run() } catch { model.check(false, "\(error)") }
    }

    func attach() {}
    func submit(_ request: Request, as id: OperationID) {}
    func cancel(_ id: OperationID) {}
    func cancelAll(on descriptor: Int32) {}
    func recycle(_ buffer: UInt16) {}

    func wait(until deadline: MonotonicInstant, into batch: inout CompletionBatch) {
        if deadline.nanoseconds > 0 {
            // SAFETY: see `word`. Ends with a wake, or when the deadline passes.
            _ = unsafe Parking.wait(on: word, while: 0, until: deadline)
        }
        unsafe _ = word.pointee.exchange(0, ordering: .relaxed)  // SAFETY: see `word`.
    }

    func wake() {
        unsafe word.pointee.add(1, ordering: .relaxed)  // SAFETY: see `word`.
        unsafe Parking.wake(word)  // SAFETY: see `word`.
    }
}
