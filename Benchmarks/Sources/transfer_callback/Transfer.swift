// SPDX-License-Identifier: MIT

internal import CContender
internal import ContenderSupport
internal import EventLoops

/// One stream, sent by one request after the other.
@safe
final class Transfer {
    private let loop: EventLoop
    private let socket: Int32
    private let area: contender_area
    private let block: Int
    private let total: Int
    private let isFile: Bool
    private var sent = 0
    private var before: Usage?
    private(set) var requestCount = 0
    /// What sending took; nil if it failed.
    private(set) var usage: Usage?

    init(_ command: TransferCallback, _ loop: EventLoop, socket: Int32) {
        self.loop = loop
        self.socket = socket
        unsafe area = unsafe contender_area_open(command.area)  // SAFETY: lives for ever.
        block = command.block
        total = command.laps * command.area
        isFile = command.file
    }

    /// The sum of the words that one lap sends.
    var areaSum: UInt64 { unsafe area.sum }  // SAFETY: a number.

    private var context: UnsafeMutableRawPointer {
        // SAFETY: `TransferCallback.run` keeps the transfer until the loop is over.
        unsafe Unmanaged.passUnretained(self).toOpaque()
    }

    private static func of(_ context: UnsafeMutableRawPointer) -> Transfer {
        // SAFETY: the context of this transfer's own operations.
        unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    }

    /// Gives the loop its first job.
    func start() {
        // SAFETY: see `context`.
        unsafe loop.post(
            LoopJob(context: context) { context in
                let transfer = unsafe Transfer.of(context)  // SAFETY: as above.
                transfer.before = Usage.now
                transfer.sendNext()
            })
    }

    /// What is left of the block that the stream is in.
    private func sendNext() {
        let count = block - sent % block
        // SAFETY: the area lives for ever, the transfer until the loop is over.
        let operation = unsafe loop.submit(request(count), context: context) {
            context, _, result, _ in
            unsafe Transfer.of(context).took(result)  // SAFETY: as above.
        }
        if operation == nil { took(-1) }
    }

    private func request(_ count: Int) -> Request {
        // SAFETY: reads the area's words.
        let (start, size, file) = unsafe (area.start, area.size, area.fd)
        let offset = sent % size
        if isFile {
            return unsafe .sendFile(  // SAFETY: names no memory.
                descriptor: socket, file: file, offset: UInt64(offset), count: count)
        }
        guard let start = unsafe start else { preconditionFailure("the area has memory") }
        // SAFETY: the rest of a block lies within the area.
        return unsafe .send(
            descriptor: socket, from: UnsafeRawPointer(start) + offset, count: count)
    }

    private func took(_ result: Int32) {
        guard result > 0 else {
            complain("the kernel answered \(result)")
            return finish()
        }
        requestCount += 1
        sent += Int(result)
        if sent < total { return sendNext() }
        usage = before.map { Usage.now.since($0) }
        finish()
    }

    private func finish() {
        loop.close(socket)
        loop.stop()
    }
}
