// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import EventLoops

/// What a backend was asked for and what became of it, told so that two backends which do the same
/// say the same: for each descriptor, in the order in which they were first used, its reading and
/// its writing operations in order.
///
/// Left out is what the contract leaves open: in how many pieces bytes come, how often a stream is
/// begun again, and in which order the operations of different descriptors complete.
package final class OperationRecord {
    /// One descriptor from its first operation to its close.
    private struct Life {
        var reads: [String] = []
        var writes: [String] = []
    }

    private enum Lane { case reads, writes }

    private var lives: [Life] = []
    private var current: [Int32: Int] = [:]
    private var places: [OperationID: (life: Int, lane: Lane, kind: String)] = [:]

    /// An empty record.
    package init() {}

    /// "1 reads: receive 5 bytes, receive the end".
    package var lines: [String] {
        lives.enumerated().flatMap { index, life in
            [("reads", life.reads), ("writes", life.writes)].filter { !$0.1.isEmpty }.map {
                "\(index + 1) \($0.0): " + $0.1.joined(separator: ", ")
            }
        }
    }

    @unsafe
    func submit(_ request: Request, as id: OperationID) {
        let descriptor = unsafe request.descriptor  // SAFETY: reads a plain word.
        let (lane, kind) = unsafe Self.kind(request)  // SAFETY: as above.
        if case .close = unsafe request {  // SAFETY: reads which case it is.
            if let life = current.removeValue(forKey: descriptor) {
                lives[life].writes.append("close")
            }
            return
        }
        let life = current[descriptor] ?? lives.count
        if life == lives.count {
            lives.append(Life())
            current[descriptor] = life
        }
        places[id] = (life, lane, kind)
    }

    func complete(_ completion: Completion) {
        guard let (life, lane, kind) = places[completion.id] else { return }
        if !completion.hasMore { places[completion.id] = nil }
        // A stream that ended by itself, or for want of buffers, is begun again.
        guard completion.errorCode != Int32(MILLRACE_ENOBUFS) else { return }
        switch lane {
        case .reads: Self.add(completion, kind, to: &lives[life].reads)
        case .writes: Self.add(completion, kind, to: &lives[life].writes)
        }
    }

    /// Adds a result; bytes are added to those that came before.
    private static func add(_ completion: Completion, _ kind: String, to told: inout [String]) {
        if let code = completion.errorCode { return told.append("\(kind) fails with \(code)") }
        guard kind == "receive" || kind == "send" else { return told.append(kind) }
        if completion.result == 0 { return told.append("\(kind) the end") }
        var sum = Int(completion.result)
        if let last = told.last, last.hasPrefix("\(kind) "), last.hasSuffix(" bytes"),
            let before = Int(last.dropFirst(kind.count + 1).dropLast(6))
        {
            sum += before
            told.removeLast()
        }
        told.append("\(kind) \(sum) bytes")
    }

    @unsafe
    private static func kind(_ request: Request) -> (Lane, String) {
        switch unsafe request {  // SAFETY: reads which case it is.
        case .acceptStream: (.reads, "accept")
        case .connect: (.writes, "connect")
        case .receive, .receiveStream: (.reads, "receive")
        case .send, .sendMessage, .sendFile: (.writes, "send")
        case .receiveDatagrams: (.reads, "receive datagrams")
        case .sendDatagrams: (.writes, "send datagrams")
        case .shutdown: (.writes, "shutdown")
        case .close: (.writes, "close")
        case .poll: (.reads, "poll")
        }
    }
}
