// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import EventLoops

/// A connection with a toy layer: both streams on a loop, and the far end for plain system calls.
final class LayerRig: @unchecked Sendable {
    // Threads: `far` is the check's; the rest is touched on the loop.
    let rig: LoopRig
    private let run: ConformanceRun
    let far: Int32
    let near: Int32
    let input: ReceiveStream
    let output: SendStream
    let layer: ToyLayer

    init(
        _ run: ConformanceRun, options: LoopOptions = LoopOptions(), shakes: Bool = false
    ) throws {
        self.run = run
        let rig = try LoopRig(run, options: options)
        self.rig = rig
        (near, far) = try Wires.pair()
        for descriptor in [near, far] {  // So that little fits into the kernel.
            _ = millrace_socket_set_send_buffer(descriptor, 65_536)
            _ = millrace_socket_set_receive_buffer(descriptor, 65_536)
        }
        let descriptor = near
        let parts = try rig.call { loop in
            let input = ReceiveStream(loop: loop, descriptor: descriptor)
            let output = SendStream(loop: loop, descriptor: descriptor)
            let layer = ToyLayer(over: input, and: output, shakes: shakes)
            layer.insert()
            input.start()
            return Carried((input, output, layer))
        }
        (input, output, layer) = parts.value
    }

    /// Runs a closure on the loop.
    @discardableResult
    func call<Value: Sendable>(
        file: StaticString = #fileID, line: UInt = #line,
        _ body: @escaping @Sendable (LayerRig) -> Value
    ) throws -> Value {
        try rig.call(file: file, line: line) { _ in body(self) }
    }

    /// Sends the bytes as they are.
    func send(_ bytes: [UInt8]) throws { try Wires.send(bytes, to: far) }

    /// Appends all bytes, waiting for room; the loop's.
    func write(_ bytes: [UInt8], from start: Int = 0) {
        let taken = output.append(Array(bytes[start...]))
        guard start + taken < bytes.count, output.failure == nil else { return }
        output.whenRoom { [self] in write(bytes, from: start + taken) }
    }

    /// Waits until so many bytes are readable or the end is there, and takes what there is.
    func read(_ count: Int) throws -> [UInt8] {
        let bytes = Board<[UInt8]>([])
        let isOver = Board(false)
        try call { rig in rig.collect(count, bytes, isOver) }
        run.expect(isOver, becomes: { $0 }, "\(count) bytes did not come")
        return bytes.read { $0 }
    }

    /// Takes what comes until there are so many bytes or the end is there; the loop's.
    func collect(_ count: Int, _ bytes: Board<[UInt8]>, _ isOver: Board<Bool>) {
        while let chunk = input.takeChunk() { bytes.update { $0 += chunk } }
        if bytes.read({ $0.count }) >= count || input.end != nil {
            return isOver.update { $0 = true }
        }
        input.whenReady { [self] in collect(count, bytes, isOver) }
    }

    /// Stops both streams, with `finishing` at once behind the end; then checks that nothing is
    /// missing.
    func close(
        far isOpen: Bool = true, finishing: Bool = false, file: StaticString = #fileID,
        line: UInt = #line
    ) throws {
        try rig.call { [self] loop in
            if finishing { output.finishAtOnce() }
            input.cancelWaiter()
            input.stop()
            output.cancelWaiter()
            output.stop()
            loop.close(near)
        }
        try run.wait("operations to end", file: file, line: line) {
            try rig.call { $0.heldBuffers == 0 && $0.leasedSendBlocks == 0 }
        }
        rig.stop(file: file, line: line)
        if isOpen { Wires.close(far) }
    }
}
