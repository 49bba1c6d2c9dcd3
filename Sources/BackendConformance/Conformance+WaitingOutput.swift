// SPDX-License-Identifier: MIT

internal import AtomicSupport
internal import CLinuxShims
internal import EventLoops

// What is appended while a send of the same stream is under way.
extension ConformanceSuite {
    static let waitingOutputChecks = [
        ConformanceCheck("output: what comes behind a send that waits leaves too", behindSend),
        ConformanceCheck("layer: what comes behind a send that waits leaves too", behindRecord),
        ConformanceCheck("layer: several records behind a send that waits", behindRecords),
    ]

    @Sendable
    static func behindSend(_ run: ConformanceRun) throws {
        // Wrong: the end of an answer stays until somebody appends something else.
        let rig = try LoopRig(run)
        let (near, far) = try Wires.pair()
        let filled = Wires.fill(near)
        let output = try rig.call { loop in
            let output = SendStream(loop: loop, descriptor: near)
            _ = output.append([1])
            return Carried(output)
        }
        for _ in 0..<3 { try rig.call { _ in } }
        run.expect(
            try rig.call { $0.operationCount }, equals: 1, "a send to a full socket did not wait")
        let isEmpty = Board(false)
        try rig.call { _ in
            _ = output.value.append([2])
            output.value.whenEmpty { isEmpty.update { $0 = true } }
        }
        run.expect(
            try Wires.receive(filled.count + 2, from: far), equals: filled + [1, 2],
            "what was sent before, with and behind a send that waited")
        run.expect(isEmpty, becomes: { $0 }, "who waits until all is sent is not called")
        run.expect(try rig.call { $0.leasedSendBlocks }, equals: 0, "blocks are missing")
        try rig.call { loop in
            output.value.cancelWaiter()
            output.value.stop()
            loop.close(near)
        }
        rig.stop()
        Wires.close(far)
    }

    @Sendable
    static func behindRecord(_ run: ConformanceRun) throws {
        // Wrong: less than a record, written while a send was under way, stays in the layer.
        let rig = try LayerRig(run)
        let filled = try beginWaiting(run, rig, with: [1])
        let isEmpty = Board(false)
        try rig.call { rig in
            _ = rig.output.append([2])
            rig.output.whenEmpty { isEmpty.update { $0 = true } }
        }
        let wire = ToyLayer.record(.data, [1]) + ToyLayer.record(.data, [2])
        run.expect(
            try Wires.receive(filled + wire.count, from: rig.far).dropFirst(filled) == wire[...],
            "two records did not leave whole and in order")
        run.expect(isEmpty, becomes: { $0 }, "who waits until all is sent is not called")
        try rig.close()
    }

    @Sendable
    static func behindRecords(_ run: ConformanceRun) throws {
        // Wrong: two sends of one connection are under way at one time, and mix their bytes.
        let rig = try LayerRig(run)
        let filled = try beginWaiting(run, rig, with: [1])
        let isEmpty = Board(false)
        let pattern = Wires.pattern(ToyLayer.payloadMax)
        try rig.call { rig in
            _ = rig.output.append(pattern)
            run.expect(rig.output.room, equals: 0, "a whole record leaves no room")
            rig.output.whenRoom {
                _ = rig.output.append([3])
                rig.output.whenEmpty { isEmpty.update { $0 = true } }
            }
        }
        let wire =
            ToyLayer.record(.data, [1]) + ToyLayer.record(.data, pattern)
            + ToyLayer.record(.data, [3])
        run.expect(
            try Wires.receive(filled + wire.count, from: rig.far).dropFirst(filled) == wire[...],
            "three records did not leave whole and in order")
        run.expect(isEmpty, becomes: { $0 }, "who waits until all is sent is not called")
        try rig.close()
    }

    /// Fills the socket, and lets the bytes wait behind that; how many filled it.
    private static func beginWaiting(
        _ run: ConformanceRun, _ rig: LayerRig, with bytes: [UInt8]
    ) throws -> Int {
        let filled = Wires.fill(rig.near).count
        try rig.call { rig in _ = rig.output.append(bytes) }
        for _ in 0..<3 { try rig.call { _ in } }
        run.expect(
            try rig.call { $0.output.pendingByteCount } > 0, "a send to a full socket did not wait")
        return filled
    }
}
