// SPDX-License-Identifier: MIT

import CFiberContext
import Testing

/// A fiber, and what it does.
@safe
private final class Frame {
    private let fiber: OpaquePointer
    private var body: (Frame) -> Void = { _ in }
    var text = ""
    var count = 0

    init() {
        // SAFETY: there is memory for a small stack.
        unsafe fiber = millrace_fiber_create(64 * 1024)
    }

    deinit {
        unsafe millrace_fiber_destroy(fiber)  // SAFETY: the fiber is not running.
    }

    /// Makes the fiber begin `body` at its next resume.
    func prepare(_ body: @escaping (Frame) -> Void) {
        self.body = body
        // SAFETY: the object outlives its fiber.
        unsafe millrace_fiber_prepare(
            fiber,
            { argument in
                // SAFETY: the argument is the object below.
                guard let argument = unsafe argument else { return }
                let frame = unsafe Unmanaged<Frame>.fromOpaque(argument).takeUnretainedValue()
                frame.body(frame)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    func resume() -> Bool {
        unsafe millrace_fiber_resume(fiber)  // SAFETY: prepared, and not running.
    }

    func suspend() {
        unsafe millrace_fiber_suspend(fiber)  // SAFETY: running.
    }

    var untouchedByteCount: Int {
        unsafe millrace_fiber_untouched_byte_count(fiber)  // SAFETY: not running.
    }
}

@Suite("Fibers")
struct FiberTests {
    @Test("a fiber goes on where it was left, and returns once")
    func resuming() {
        // Wrong: registers or the stack pointer are not what they were.
        let frame = Frame()
        frame.prepare { frame in
            var (first, second) = (0.5, 1)
            for turn in 1...3 {
                first *= 2
                second += turn
                frame.text += "\(first) \(second);"
                frame.suspend()
            }
        }
        var turns = 0
        while frame.resume() { turns += 1 }
        #expect(turns == 3)
        #expect(frame.text == "1.0 2;2.0 4;4.0 7;")
    }

    @Test("vector code and formatting run on a fiber: the stack is aligned")
    func alignment() {
        // Wrong: the first function begins at a wrong multiple of sixteen.
        let frame = Frame()
        frame.prepare { frame in
            let vector = SIMD4<Double>(1, 2, 3, 4) * Double(frame.text.count + 2)
            frame.text = "\(vector.sum()) \(Double.pi) \([1.5, 2.5].map(\.description))"
        }
        let isGoingOn = frame.resume()
        #expect(!isGoingOn)
        #expect(frame.text.hasPrefix("20.0 3.14"))
    }

    @Test("an access that is open when a fiber is left is not seen outside, and ends inside")
    func exclusivity() {
        // Wrong: Swift's check of exclusive access traps, or a later one goes through a dead frame.
        let frame = Frame()
        frame.prepare { frame in
            func hold(_ count: inout Int) {
                count += 1
                frame.suspend()
                count += 1
            }
            hold(&frame.count)
        }
        #expect(frame.resume())
        // The access to `count` is open on the fiber.
        frame.count += 10
        let isGoingOn = frame.resume()
        #expect(!isGoingOn)
        #expect(frame.count >= 2)
    }

    @Test("a fiber begins anew on the same stack")
    func again() {
        // Wrong: what a former body left behind disturbs the next.
        let frame = Frame()
        for turn in 1...100 {
            frame.prepare { frame in
                frame.count += 1
                if frame.count % 2 == 0 { frame.suspend() }
            }
            let isGoingOn = frame.resume()
            #expect(isGoingOn == (turn % 2 == 0))
        }
    }

    @Test("a stack that overflows ends the process at its guard page")
    func guardPage() async {
        // Wrong: an overflow writes over other memory.
        await #expect(processExitsWith: .failure) {
            let frame = Frame()
            frame.prepare { frame in
                func deeper(_ depth: Int) -> Int {
                    depth == 0 ? 0 : 1 + deeper(depth &- 1) ^ depth
                }
                frame.count = deeper(100_000_000)
            }
            _ = frame.resume()
        }
    }

    @Test("how much of a stack was used can be asked")
    func untouched() {
        // Wrong: the size of stacks is a guess.
        let frame = Frame()
        frame.prepare { _ in }
        _ = frame.resume()
        #expect(frame.untouchedByteCount > 48 * 1024)
    }
}
