// SPDX-License-Identifier: MIT

import AtomicSupport
import CLinuxShims
import EventLoops
import Glibc
import Testing

@Suite("A stream and its credit of bytes")
struct CreditTests {
    @Test("A backend that cannot count ahead brings no more than there are buffers")
    func uncounted() throws {
        // Wrong: on io_uring before Linux 6.17 a stream that nobody reads begins again whenever it
        // has used all buffers up, far beyond its bytes.
        for choice in backends {
            let rig = try CreditRig(choice, buffers: 4, credit: 200)
            rig.backend.countsAhead = false
            rig.script.when("the credit", { rig.input.heldByteCount >= 200 }) {}
            rig.script.after(turns: 30) {
                #expect(rig.input.heldByteCount <= 400, "\(choice)")
                #expect(rig.loop.statistics.spilledBytes == 0, "\(choice)")
            }
            try rig.takeAll()
        }
    }

    @Test("A stream that goes on asks for what is left of its credit")
    func goesOn() throws {
        // Wrong: a stream that is read slowly holds up to twice its bytes.
        let rig = try CreditRig(.epoll, buffers: 64, credit: 1000)
        rig.script.when("the credit", { rig.input.heldByteCount >= 1000 }) {}
        for _ in 0..<5 {
            rig.script.after(turns: 10) {
                #expect(rig.input.heldByteCount == 1000)
                _ = rig.take(pieces: 5)
                #expect(rig.input.heldByteCount == 500)
            }
        }
        rig.script.after(turns: 10) {
            #expect(rig.input.heldByteCount == 1000)
            rig.end()
        }
        try rig.script.run()
    }

    @Test("A stopped stream whose cancellation was missed is cancelled again", arguments: backends)
    func missed(_ choice: BackendChoice) throws {
        // Wrong: an operation that the kernel did not find goes on until the loop ends, and keeps
        // its socket open.
        let rig = try CreditRig(choice, buffers: 64, credit: 100_000, sends: false)
        rig.script.after(turns: 3) {
            rig.backend.missedCancellations = 1
            rig.input.stop()
        }
        rig.script.after(turns: 10) {
            #expect(rig.loop.operationCount == 1, "the cancellation was to be missed")
            rig.send([1])
        }
        rig.script.when("the operation to end", { rig.loop.operationCount == 0 }) {
            #expect(rig.loop.heldBuffers == 0)
            rig.end()
        }
        try rig.script.run()
    }

    @Test("A loop that stops waits for what a cancellation has missed", arguments: backends)
    func missedAtTheEnd(_ choice: BackendChoice) throws {
        // If this failed, `run` would return while the kernel may write into what is freed next.
        let rig = try CreditRig(choice, buffers: 64, credit: 100_000, sends: false)
        rig.script.after(turns: 3) { rig.backend.missedCancellations = 1 }
        try rig.script.run()
        #expect(rig.backend.missedCancellations == 0, "the cancellation was to be missed")
        #expect(rig.loop.operationCount == 0)
        #expect(rig.input.end == .failed(ECANCELED))
        rig.closeSockets()
    }

    @Test("Who stops a stream while it reads has the bytes until it is done", arguments: backends)
    func stoppedByReader(_ choice: BackendChoice) throws {
        // If this failed, a reader that closes its connection would go on in a buffer that the
        // kernel may fill for another one.
        let rig = try CreditRig(choice, buffers: 4, credit: 200)
        rig.script.when("the credit", { rig.input.heldByteCount >= 200 }) {
            let used = rig.input.consume { lent in
                rig.input.stop()
                #expect(rig.loop.heldBuffers == 1, "the reader's own")
                return lent.byteCount
            }
            #expect(used ?? 0 > 0 && rig.loop.heldBuffers == 0)
            rig.end()
        }
        try rig.script.run()
    }

    @Test("A stream that is read before its pause is over pauses again")
    func pausesAgain() throws {
        // If this failed, a reader that is quick once and then stops would take all buffers of its
        // loop. On epoll a turn brings four pieces, and the cancellation is seen in the next one.
        let rig = try CreditRig(.epoll, buffers: 64, credit: 100_000, pieces: 4)
        rig.script.when("the first pieces", { rig.input.heldBufferCount >= 4 }) {
            #expect(rig.take(pieces: .max).count == 400)
        }
        rig.script.after(turns: 30) {
            #expect((4...8).contains(rig.input.heldBufferCount))
            rig.end()
        }
        try rig.script.run()
    }

    @Test("A pause that the kernel did not hear of is asked for again")
    func missedPause() throws {
        // If this failed, a reader that stops would take all buffers of its loop whenever the
        // cancellation falls between two shots. On epoll a turn brings four pieces: each of the
        // two that are missed costs a turn.
        let rig = try CreditRig(.epoll, buffers: 64, credit: 100_000, pieces: 4)
        rig.backend.missedCancellations = 2
        rig.script.after(turns: 30) {
            #expect(rig.backend.missedCancellations == 0, "the cancellations were to be missed")
            #expect((4...16).contains(rig.input.heldBufferCount))
        }
        try rig.takeAll()
    }

    @Test("A stream that only its operation has lives until the last completion is dealt with")
    func livesLongEnough() throws {
        // If this failed, the last completion of a connection that is gone would be dealt with in
        // memory that is free.
        var ends: [Int32] = [0, 0]
        // SAFETY: room for two.
        #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let (near, far) = (ends[0], ends[1])
        var options = LoopOptions()
        options.receiveBufferCount = 4
        options.receiveBufferByteCount = 100
        let backend = PassingBackend(try BackendChoice.epoll.open(options: options).backend)
        let loop = EventLoop(
            SelectedBackend(backend: backend, reason: "looked at"), options: options)
        let script = LoopScript(loop)
        weak var stream: ReceiveStream?
        var wasThere: Bool?
        script.when("nothing", { true }) {
            let started = ReceiveStream(loop: loop, descriptor: near, creditByteCount: 100)
            started.start()
            stream = started  // The loop's list has it, until it is stopped.
        }
        script.after(turns: 3) {
            // The cancellation is missed; the bytes use the credit up and fill the buffer, so they
            // come with the last completion, and the buffer goes back in it.
            backend.missedCancellations = 1
            backend.onRecycle = { wasThere = stream != nil }
            stream?.stop()
            let bytes = [UInt8](repeating: 1, count: 100)
            #expect(unsafe write(far, bytes, bytes.count) == bytes.count)  // SAFETY: lent.
        }
        script.when("the operation to end", { loop.operationCount == 0 }) {
            loop.close(near)
            close(far)
        }
        try script.run()
        #expect(wasThere == true, "the stream was gone before its last completion was dealt with")
        #expect(stream == nil, "a stream is kept")
    }
}

/// A stream with small buffers, whose peer has sent more than it may hold.
private final class CreditRig {
    let loop: EventLoop
    let backend: PassingBackend
    let script: LoopScript
    let input: ReceiveStream
    let sent = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    private var ends: [Int32] = [0, 0]

    init(
        _ choice: BackendChoice, buffers: Int, credit: Int, pieces: Int = 1000, sends: Bool = true
    ) throws {
        // SAFETY: room for two.
        #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        var options = LoopOptions()
        options.receiveBufferCount = buffers
        options.receiveBufferByteCount = 100
        options.receiveCredit = pieces
        options.receiveCreditByteCount = credit
        let inner = try choice.open(options: options).backend
        backend = PassingBackend(inner)
        loop = EventLoop(SelectedBackend(backend: backend, reason: "looked at"), options: options)
        script = LoopScript(loop)
        input = ReceiveStream(loop: loop, descriptor: ends[0])
        if sends { send(sent) }
        script.when("nothing", { true }) { [input] in input.start() }
    }

    func send(_ bytes: [UInt8]) {
        // SAFETY: lent for the call.
        #expect(unsafe write(ends[1], bytes, bytes.count) == bytes.count)
    }

    /// Runs the script, whose last step takes all that was sent.
    func takeAll() throws {
        var received: [UInt8] = []
        script.when(
            "all bytes",
            {
                received += self.take(pieces: .max)
                return received.count >= self.sent.count
            }
        ) { self.end() }
        try script.run()
        #expect(received == sent)
    }

    func take(pieces: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var left = pieces
        while left > 0 {  // Ends: each turn takes one.
            let count = input.consume { span in
                // SAFETY: copied while lent.
                unsafe span.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
                return span.byteCount
            }
            if count == nil { break }
            left -= 1
        }
        return bytes
    }

    func end() {
        input.stop()
        loop.close(ends[0])
        close(ends[1])
    }

    /// Closes both ends when the loop is over.
    func closeSockets() {
        for descriptor in ends { close(descriptor) }
    }
}
