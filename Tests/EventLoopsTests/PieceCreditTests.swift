// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops
import Glibc
import Testing

@Suite("A stream and its credit of pieces")
struct PieceCreditTests {
    @Test("It pauses at its credit, and goes on when half of it is back", arguments: backends)
    func goesOn(_ choice: BackendChoice) throws {
        // If this failed, a stream that nobody reads would take more than its credit, or one that
        // is read would wait for longer than is said.
        let rig = try PieceRig(choice)
        rig.whenPaused {
            for left in [7, 6, 5] {
                rig.take()
                #expect(rig.input.heldBufferCount == left)
                #expect(rig.loop.operationCount == 0, "it goes on with \(left) pieces")
            }
            rig.take()
            #expect(rig.loop.operationCount == 1, "it does not go on at half of its credit")
            for left in [3, 2, 1, 0] {
                rig.take()
                #expect(rig.input.heldBufferCount == left)
            }
            rig.end()
        }
        try rig.script.run()
    }

    @Test("The smallest credit is two pieces and a byte")
    func smallest() throws {
        // If this failed, a program would be told of another limit than the one that it keeps.
        let loop = try EventLoop(choice: .epoll)
        let stream = ReceiveStream(loop: loop, descriptor: -1, credit: 0, creditByteCount: 0)
        #expect(stream.credit == 2 && stream.creditByteCount == 1)
        #expect(stream.heldBufferCount == 0 && stream.heldByteCount == 0)
    }

    @Test("Who is told of a refusal finds what is unread", arguments: backends)
    func refused(_ choice: BackendChoice) throws {
        // If this failed, who waits for the end would take a failure for one behind all bytes, and
        // drop those that have come.
        let rig = try PieceRig(choice)
        rig.whenPaused {
            rig.occupy()
            var isUnread: Bool?
            rig.input.whenEnded(rig.script.job { isUnread = rig.input.hasUnread })
            for _ in 0..<4 { rig.take() }
            #expect(rig.input.end == .failed(ENOBUFS))
            #expect(isUnread == true)
            for _ in 0..<4 { #expect(rig.take() == 100) }
            #expect(!rig.input.hasUnread)
            rig.end()
        }
        try rig.script.run()
    }

    @Test("A paused stream that is stopped asks for nothing", arguments: backends)
    func stopped(_ choice: BackendChoice) throws {
        // If this failed, a connection that is closed at its credit would begin to receive once
        // more, or end for want of a place among the operations.
        let rig = try PieceRig(choice)
        rig.whenPaused {
            rig.occupy()
            rig.input.stop()
            #expect(rig.input.end == .failed(ECANCELED))
            #expect(rig.input.heldBufferCount == 0)
            rig.end()
        }
        try rig.script.run()
    }

    @Test("A waiter gets what it waits for, whatever the last one wanted", arguments: backends)
    func waiters(_ choice: BackendChoice) throws {
        // If this failed, bytes would be taken for the end, or a reader would sleep over bytes that
        // are there.
        let rig = try PieceRig(choice)
        rig.whenPaused {
            var calls = 0
            let job = rig.script.job { calls += 1 }
            rig.input.whenEnded(job)
            #expect(calls == 0, "the end has not come")
            rig.input.cancelWaiter()
            rig.input.whenReady(job)
            #expect(calls == 1, "bytes are there")
            rig.input.cancelWaiter()
            rig.input.whenOpen(job)
            #expect(calls == 2, "without a layer a stream is open")
            rig.end()
        }
        try rig.script.run()
    }

    @Test("A stream that is used again has the credit of its new connection", arguments: backends)
    func usedAgain(_ choice: BackendChoice) throws {
        // If this failed, a connection would have the limits of one that is gone.
        let rig = try PieceRig(choice)
        rig.whenPaused {
            rig.input.stop()
            rig.input.reuse(for: rig.input.descriptor, credit: 3)
            #expect(rig.input.credit == 3 && rig.input.end == nil)
            rig.end()
        }
        try rig.script.run()
    }
}

/// A stream with a credit of eight pieces, which its peer has filled; there is room for one
/// operation.
private final class PieceRig {
    let loop: EventLoop
    let script: LoopScript
    let input: ReceiveStream
    private var ends: [Int32] = [0, 0]

    init(_ choice: BackendChoice) throws {
        // SAFETY: room for two.
        #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        var options = LoopOptions()
        options.operationsMax = 1
        options.receiveBufferByteCount = 100
        options.receiveCredit = 8
        loop = try EventLoop(choice: choice, options: options)
        script = LoopScript(loop)
        input = ReceiveStream(loop: loop, descriptor: ends[0])
        let bytes = [UInt8](repeating: 7, count: 800)
        // SAFETY: lent for the call.
        #expect(unsafe write(ends[1], bytes, bytes.count) == bytes.count)
        script.when("nothing", { true }) { [input] in input.start() }
    }

    /// Adds a step for when the credit is used up, and the kernel is asked for nothing.
    func whenPaused(_ body: @escaping () -> Void) {
        script.when(
            "the pause", { [self] in input.heldBufferCount == 8 && loop.operationCount == 0 }, body)
    }

    /// Takes the oldest piece; how many bytes it has.
    @discardableResult
    func take() -> Int {
        input.consume { $0.byteCount } ?? 0
    }

    /// Takes the one place that there is for operations.
    func occupy() { script.occupy(ends[1]) }

    func end() {
        input.cancelWaiter()
        input.stop()
        for descriptor in ends { loop.close(descriptor) }
    }
}
