// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops
import Glibc
import Testing

@Suite("A stream that sends without waiting")
struct SendingTests {
    @Test("An idle stream has room for a block, and takes so much", arguments: backends)
    func room(_ choice: BackendChoice) throws {
        // If this failed, a block would be partly used, or more be taken than it holds.
        let rig = try SendRig(choice)
        rig.script.when("nothing", { true }) {
            #expect(rig.output?.room == rig.blockByteCount)
            #expect(rig.append(rig.blockByteCount + 1) == rig.blockByteCount)
            #expect(rig.output?.room == 0)
            #expect(rig.output?.pendingByteCount == rig.blockByteCount)
        }
        rig.script.when("all sent", { rig.output?.pendingByteCount == 0 }) {
            #expect(rig.output?.sentByteCount == UInt64(rig.blockByteCount))
            rig.end()
        }
        try rig.script.run()
    }

    @Test("A waiter that is cancelled is not called, and cancelled once", arguments: backends)
    func cancelledWaiter(_ choice: BackendChoice) throws {
        // If this failed, who gave up would be called, or take its waiter for called already.
        let rig = try SendRig(choice)
        rig.fill()
        var isCalled = false
        rig.script.when("nothing", { true }) {
            rig.output?.whenEmpty(rig.job { isCalled = true })
            #expect(rig.output?.cancelWaiter() == true)
            #expect(rig.output?.cancelWaiter() == false)
            // A second one would trap if the first were still there.
            rig.output?.whenEmpty(rig.job {})
            rig.output?.stop()
            #expect(rig.output?.cancelWaiter() == false, "it was called at the stop")
        }
        rig.script.after(turns: 5) { rig.end() }
        try rig.script.run()
        #expect(!isCalled)
    }

    @Test("Stopping cancels what is under way, also if the socket stays", arguments: backends)
    func stopping(_ choice: BackendChoice) throws {
        // If this failed, a send would go on for a stream that has ended, and keep its memory.
        let rig = try SendRig(choice)
        rig.fill()
        rig.script.when("nothing", { true }) { rig.output?.stop() }
        rig.script.when("the send to end", { rig.loop.operationCount == 0 }) {
            #expect(rig.loop.leasedSendBlocks == 0)
            rig.end()
        }
        try rig.script.run()
    }

    @Test("A send that came before its cancellation is the last", arguments: backends)
    func lastSend(_ choice: BackendChoice) throws {
        // If this failed, the rest of a block would be sent for a stream that has ended, to
        // whoever has the descriptor's number next.
        let rig = try SendRig(choice)
        rig.fill()
        var sends = 0
        rig.script.when("nothing", { true }) {
            rig.backend.sendsPrecedeCancellation = true
            sends = rig.backend.sends.count
            rig.output?.stop()
        }
        rig.script.when("the send to end", { rig.loop.operationCount == 0 }) {
            #expect(rig.backend.sends.count == sends)
            #expect(rig.loop.leasedSendBlocks == 0)
            rig.end()
        }
        try rig.script.run()
    }

    @Test("A send that is refused leaves nothing behind", arguments: backends)
    func refused(_ choice: BackendChoice) throws {
        // If this failed, a stream that finds no place for its operation would never go away, or
        // have sent what it has not.
        let rig = try SendRig(choice, operationsMax: 1)
        weak let output = rig.output
        rig.script.when("nothing", { true }) {
            rig.poll()
            #expect(rig.append(10) == 10)
        }
        rig.script.when("the refusal", { rig.output?.failure != nil }) {
            #expect(rig.output?.failure == ENOBUFS)
            #expect(rig.output?.sentByteCount == 0 && rig.output?.pendingByteCount == 0)
            #expect(rig.loop.leasedSendBlocks == 0)
            rig.end()
        }
        try rig.script.run()
        rig.output = nil
        #expect(output == nil)
    }
}

/// A stream to a peer that reads nothing.
private final class SendRig {
    let loop: EventLoop
    let backend: PassingBackend
    let script: LoopScript
    let blockByteCount: Int
    var output: SendStream?
    private var ends: [Int32] = [0, 0]

    init(_ choice: BackendChoice, operationsMax: Int = 16) throws {
        // SAFETY: room for two.
        #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        var options = LoopOptions()
        options.operationsMax = operationsMax
        blockByteCount = options.sendBlockByteCount
        backend = PassingBackend(try choice.open(options: options).backend)
        loop = EventLoop(SelectedBackend(backend: backend, reason: "looked at"), options: options)
        script = LoopScript(loop)
        output = SendStream(loop: loop, descriptor: ends[0])
    }

    func append(_ count: Int) -> Int {
        let bytes = [UInt8](repeating: 7, count: count)
        return unsafe output?.append(bytes.span.bytes) ?? 0  // SAFETY: copied while lent.
    }

    /// Appends until the kernel takes no more and a send waits.
    func fill() {
        script.when(
            "a full kernel",
            { [self] in
                if append(blockByteCount) > 0 { fullSince = loop.statistics.turns }
                return loop.statistics.turns > fullSince + 10
            }
        ) {}
    }
    private var fullSince: UInt64 = 0

    /// Takes a place for an operation until `end`.
    func poll() { script.occupy(ends[0]) }

    func job(_ body: @escaping () -> Void) -> LoopJob {
        // SAFETY: given back when the job runs; one that is cancelled is left behind.
        unsafe LoopJob(context: Unmanaged.passRetained(SendStep(body)).toOpaque()) {
            // SAFETY: as above.
            unsafe Unmanaged<SendStep>.fromOpaque($0).takeRetainedValue().run()
        }
    }

    func end() {
        output?.stop()
        loop.close(ends[0])
        close(ends[1])
    }
}

/// A closure, on its way through the loop.
private final class SendStep {
    private let body: () -> Void

    init(_ body: @escaping () -> Void) { self.body = body }

    func run() { body() }
}
