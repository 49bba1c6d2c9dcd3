// SPDX-License-Identifier: MIT

// The event loop by itself, without tasks: a timer, an operation that waits until a descriptor is
// readable, and handlers that are plain functions with a context.
//
//     swift run -c release example_event_loop

import AtomicSupport
import CLinuxShims
import EventLoops

/// What the handlers are given. All of them run on the loop's thread.
final class Context {
    let loop: EventLoop
    let bell: Int32
    let start = MonotonicInstant.now

    init(_ loop: EventLoop, bell: Int32) {
        self.loop = loop
        self.bell = bell
    }

    /// The context that a handler was given.
    static func from(_ pointer: UnsafeMutableRawPointer) -> Context {
        // SAFETY: `run` keeps the context alive until the loop is over.
        unsafe Unmanaged<Context>.fromOpaque(pointer).takeUnretainedValue()
    }
}

/// Opens a loop, sets things going, and turns until a handler stops it.
func run() throws {
    let loop = try EventLoop(choice: .automatic)
    print("running on \(loop.selection)")
    let bell = millrace_eventfd_open()
    defer { _ = millrace_close(bell) }
    let context = Context(loop, bell: bell)
    // SAFETY: the context lives until the loop is over.
    let pointer = unsafe Unmanaged.passUnretained(context).toOpaque()

    // SAFETY: as above.
    let job = unsafe LoopJob(context: pointer) { pointer in
        // SAFETY: as above.
        let context = unsafe Context.from(pointer)
        unsafe begin(context, pointer)  // SAFETY: as above.
    }
    loop.post(job)
    try loop.run()
    withExtendedLifetime(context) {
        print("the loop is over; operations left: \(loop.operationCount)")
    }
}

/// The first job: waits for the bell, and sets a timer that rings it.
func begin(_ context: Context, _ pointer: UnsafeMutableRawPointer) {
    // SAFETY: the request names no memory; the context outlives the operation.
    let id = unsafe context.loop.submit(
        .poll(descriptor: context.bell, events: UInt32(MILLRACE_POLLIN)), context: pointer
    ) { pointer, _, result, _ in
        let context = unsafe Context.from(pointer)  // SAFETY: as above.
        print("the bell is readable: \(result == Int32(MILLRACE_POLLIN))")
        context.loop.stop()
    }
    let soon = context.start.advanced(byNanoseconds: 20_000_000)
    // SAFETY: the context outlives the timer.
    let timer = unsafe context.loop.schedule(at: soon, context: pointer) { pointer, _ in
        let context = unsafe Context.from(pointer)  // SAFETY: as above.
        let elapsed = MonotonicInstant.now.nanoseconds(since: context.start)
        print("the timer rings after at least 20 ms: \(elapsed >= 20_000_000)")
        _ = millrace_eventfd_write(context.bell)
    }
    precondition(id != nil && timer != nil, "a fresh loop has room")
}

try run()
