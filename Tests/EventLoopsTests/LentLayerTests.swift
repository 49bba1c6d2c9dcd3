// SPDX-License-Identifier: MIT

import CTestSupport
import EventLoops
import Glibc
import Testing

@Suite("A stream and the bytes of its layer")
struct LentLayerTests {
    @Test("A single byte is unread, and is lent", arguments: backends)
    func single(_ choice: BackendChoice) throws {
        // If this failed, a reader would take what is there for the end, and lose a byte.
        let rig = try LayeredRig(choice, byteCount: 1)
        rig.script.when("nothing", { true }) {
            #expect(rig.input.hasUnread)
            #expect(rig.lend() == 1)
            rig.takeBack()
            rig.end()
        }
        try rig.script.run()
    }

    @Test("What the layer has not taken goes back with the stream", arguments: backends)
    func stopped(_ choice: BackendChoice) throws {
        // If this failed, a connection that is closed while a layer's bytes are lent would keep a
        // buffer until the loop ends.
        let rig = try LayeredRig(choice, byteCount: 100)
        rig.send(10)
        rig.script.when("bytes", { rig.input.heldByteCount == 10 }) {
            #expect(rig.lend() == 100)
            rig.input.stop()
            rig.takeBack()
            #expect(rig.input.heldBufferCount == 0)
            rig.end()
        }
        try rig.script.run()
    }

    @Test("What is lent behind a layer is not taken for the layer's", arguments: backends)
    func withoutLayer(_ choice: BackendChoice) throws {
        // If this failed, memory would be freed twice, and bytes come again that were done with.
        let rig = try LayeredRig(choice, byteCount: 4)
        rig.send(10)
        rig.script.when("bytes", { rig.input.heldByteCount == 10 }) {
            #expect(rig.lend() == 4)
            rig.takeBack()
            rig.input.removeLayer()
            #expect(rig.lend() == 10)
            rig.takeBack(used: 10)
            #expect(rig.input.heldByteCount == 0 && !rig.input.hasUnread)
            rig.end()
        }
        try rig.script.run()
    }

    @Test("A reader that stops its stream leaves the layer alone", arguments: backends)
    func stoppedByReader(_ choice: BackendChoice) throws {
        // If this failed, a program that closes a connection with TLS while it reads would trap,
        // because its engine has nothing left to be consumed, or read what is not its own.
        let rig = try LayeredRig(choice, byteCount: 100)
        rig.script.when("nothing", { true }) {
            let used = rig.input.consume { lent in
                rig.input.stop()
                rig.layer.discard()
                #expect(!rig.layer.hasGivenBack, "the reader has the bytes")
                return lent.byteCount
            }
            #expect(used == 100)
            #expect(rig.layer.consumedByteCount == 0 && rig.layer.hasGivenBack)
            rig.end()
        }
        try rig.script.run()
    }

    @Test("Behind a layer's end, a refusal tells who waits for the wire's", arguments: backends)
    func refused(_ choice: BackendChoice) throws {
        // If this failed, who waits until a connection is gone would wait beyond the loop's end.
        let rig = try LayeredRig(choice, byteCount: 1, isFull: true)
        var isTold = false
        rig.script.when("nothing", { true }) {
            rig.layer.finish()
            rig.input.whenWireEnded(rig.script.job { isTold = true })
            rig.input.start()
            #expect(rig.input.isWireEnded)
        }
        rig.script.after(turns: 3) {
            #expect(isTold)
            rig.end()
        }
        try rig.script.run()
    }

    @Test("What was lent is given back to the system")
    func copies() async {
        // If this failed, a relay behind TLS would lose as much memory as it passes on. In a
        // process of its own: other tests' memory would hide it.
        await #expect(processExitsWith: .success) {
            let rig = try LayeredRig(.epoll, byteCount: 65_536)
            rig.script.when("nothing", { true }) {
                for _ in 0..<10 { rig.lendOnce() }
                let memory = test_resident_byte_count()
                for _ in 0..<1_000 { rig.lendOnce() }
                // Each copy that stays is one of a thousand: 64 MB.
                #expect(test_resident_byte_count() - memory < 16 << 20)
                rig.end()
            }
            try rig.script.run()
        }
    }
}

/// A stream with a layer that always has bytes.
private final class LayeredRig {
    let loop: EventLoop
    let script: LoopScript
    let input: ReceiveStream
    let layer: FullLayer
    private let output: SendStream
    private var ends: [Int32] = [0, 0]
    private var isLent = false

    /// `isFull`: there is no place for an operation, and the stream does not start.
    init(_ choice: BackendChoice, byteCount: Int, isFull: Bool = false) throws {
        // SAFETY: room for two.
        #expect(unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        var options = LoopOptions()
        options.operationsMax = 1
        loop = try EventLoop(choice: choice, options: options)
        script = LoopScript(loop)
        input = ReceiveStream(loop: loop, descriptor: ends[0])
        output = SendStream(loop: loop, descriptor: ends[0])
        layer = FullLayer(byteCount, over: input, and: output)
        script.when("nothing", { true }) { [self] in
            layer.insert()
            if isFull { script.occupy(ends[1]) } else { input.start() }
        }
    }

    func send(_ byteCount: Int) {
        let bytes = [UInt8](repeating: 7, count: byteCount)
        // SAFETY: lent for the call.
        #expect(unsafe write(ends[1], bytes, byteCount) == byteCount)
    }

    /// Lends the oldest bytes; how many they are.
    func lend() -> Int {
        let count = unsafe input.pin()?.count ?? 0  // SAFETY: a number.
        isLent = count > 0
        return count
    }

    /// Takes back what is lent, if something is.
    func takeBack(used: Int = 0) {
        if isLent { input.unpin(used: used) }
        isLent = false
    }

    func lendOnce() {
        _ = lend()
        takeBack()
    }

    func end() {
        input.stop()
        output.stop()
        for descriptor in ends { loop.close(descriptor) }
    }
}

/// A layer that takes nothing of the wire, and whose bytes do not come to an end.
@safe
private final class FullLayer: StreamLayer {
    private let bytes: UnsafeMutableRawBufferPointer
    private(set) var consumedByteCount = 0
    private(set) var hasGivenBack = false

    init(_ byteCount: Int, over input: ReceiveStream, and output: SendStream) {
        // SAFETY: freed in `deinit`.
        unsafe bytes = .allocate(byteCount: byteCount, alignment: 16)
        unsafe bytes.initializeMemory(as: UInt8.self, repeating: 7)  // SAFETY: just allocated.
        super.init(over: input, and: output)
    }

    deinit { unsafe bytes.deallocate() }  // SAFETY: allocated in `init`.

    override func receive(_ wire: UnsafeRawBufferPointer) -> Int { 0 }

    override var readable: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(bytes)  // SAFETY: as long as the layer.
    }

    override func consume(_ count: Int) { consumedByteCount += count }

    override func giveBack() { hasGivenBack = true }

    override func finish() { end = .finished }
}
