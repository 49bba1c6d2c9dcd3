// SPDX-License-Identifier: MIT

import CLinuxShims
import CTestSupport
import Networking

#if TLS
    import TLSEngines
#endif

/// A client socket, plain or with TLS, whose every wait has a limit, and that reads answers
/// strictly: with TLS, an end without close_notify is none.
final class RawClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let descriptor: Int32
    private var isOpen = true
    /// What was received and not taken yet.
    var held: [UInt8] = []
    #if TLS
        /// What speaks TLS, if something does.
        var engine: TLSEngine?
        /// What came from the wire and the engine has not taken.
        var wire: [UInt8] = []
    #endif
    /// How long one wait may take.
    static let millisecondsMax: Int32 = 10_000

    init(_ address: SocketAddress, receiveBuffer: Int32? = nil) throws {
        var target = millrace_address()
        let isRead: Bool
        if let path = Self.unixPath(address) {
            // SAFETY: the text is valid for the call.
            isRead = unsafe millrace_address_unix(&target, path, path.utf8.count)
        } else {
            // SAFETY: as above.
            isRead = unsafe millrace_address_ipv4(&target, "127.0.0.1", address.port)
        }
        precondition(isRead)
        let family = Self.unixPath(address) == nil ? MILLRACE_AF_INET : MILLRACE_AF_UNIX
        descriptor = millrace_socket_open(Int32(family), Int32(MILLRACE_SOCK_STREAM))
        if descriptor < 0 { throw Failure(description: "socket: errno \(-descriptor)") }
        if let receiveBuffer { _ = millrace_socket_set_receive_buffer(descriptor, receiveBuffer) }
        // SAFETY: the address is lent for the call.
        var result = unsafe millrace_socket_connect(descriptor, &target)
        if result == -Int32(MILLRACE_EINPROGRESS) {
            _ = millrace_poll(descriptor, UInt32(MILLRACE_POLLOUT), Self.millisecondsMax)
            result = millrace_socket_take_error(descriptor)
        }
        if result < 0 { throw Failure(description: "connect: errno \(-result)") }
        _ = millrace_socket_set_no_delay(descriptor, true)
    }

    deinit { close() }

    private static func unixPath(_ address: SocketAddress) -> String? {
        let text = "\(address)"
        return text.hasPrefix("unix:") ? String(text.dropFirst(5)) : nil
    }

    func close() {
        if isOpen { _ = millrace_close(descriptor) }
        isOpen = false
    }

    /// Closes with a reset.
    func reset() {
        _ = millrace_socket_set_linger(descriptor, 0)
        close()
    }

    func finishWriting() {
        #if TLS
            if let engine {
                engine.close()
                try? push(engine)
            }
        #endif
        _ = millrace_socket_shutdown(descriptor, Int32(MILLRACE_SHUT_WR))
    }

    // MARK: Sending

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends all bytes.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {  // Ends: every turn sends, or waits at most the limit.
            sent += try sendSome(bytes[sent...])
            if sent < bytes.count && poll(Int32(MILLRACE_POLLOUT), Self.millisecondsMax) == 0 {
                throw Failure(description: "the server takes nothing")
            }
        }
        #if TLS
            if let engine { try push(engine) }
        #endif
    }

    /// Sends until the kernel takes no more for so many milliseconds, or so many bytes; returns
    /// how many went out.
    func sendUntilStuck(_ block: [UInt8], milliseconds: Int32, atMost: Int) throws -> Int {
        var sent = 0
        while sent < atMost {  // Ends when the peer has not read for the given time.
            let start = sent % block.count
            sent += try sendSome(block[start...])
            if poll(Int32(MILLRACE_POLLOUT), milliseconds) == 0 { return sent }
        }
        return sent
    }

    private func sendSome(_ bytes: ArraySlice<UInt8>) throws -> Int {
        #if TLS
            if let engine { return try sendSome(bytes, through: engine) }
        #endif
        return try putSome(bytes)
    }

    /// Sends bytes as they are.
    func putSome(_ bytes: ArraySlice<UInt8>) throws -> Int {
        // SAFETY: the bytes are lent for the call.
        let result = unsafe bytes.withUnsafeBytes {
            unsafe millrace_socket_send(descriptor, $0.baseAddress, $0.count)
        }
        if result == -Int64(MILLRACE_EAGAIN) { return 0 }
        if result < 0 { throw Failure(description: "send: errno \(-result)") }
        return Int(result)
    }

    // MARK: Receiving

    /// Takes a little of what has come, without waiting.
    func receiveSome(atMost count: Int) throws {
        if poll(Int32(MILLRACE_POLLIN), 0) != 0 { _ = try receiveMore(count) }
    }

    /// More bytes; false at the end.
    private func receiveMore(_ count: Int = 65_536) throws -> Bool {
        #if TLS
            if let engine { return try receiveMore(count, through: engine) }
        #endif
        let piece = try takeSome(count)
        held += piece
        return !piece.isEmpty
    }

    /// Receives bytes as they are; none at the end.
    func takeSome(_ count: Int) throws -> [UInt8] {
        while true {  // Ends with bytes, the end, an error or the limit.
            guard poll(Int32(MILLRACE_POLLIN), Self.millisecondsMax) != 0 else {
                throw Failure(description: "nothing came; before: \(text(held))")
            }
            // SAFETY: the callee fills in at most the capacity, and says how much.
            var result: Int64 = 0
            let piece = unsafe [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
                // SAFETY: as above.
                result = unsafe millrace_socket_receive(descriptor, bytes.baseAddress, count)
                filled = Int(max(0, result))
            }
            if result == -Int64(MILLRACE_EAGAIN) { continue }
            if result < 0 { throw Failure(description: "receive: errno \(-result)") }
            return piece
        }
    }

    /// All bytes up to the end of the stream.
    func receiveAll() throws -> [UInt8] {
        while try receiveMore() {}  // Ends with the stream, or throws.
        defer { held = [] }
        return held
    }

    /// Waits for the end of the stream; nothing may come before. With `orReset`, a
    /// reset is an end too.
    func expectEnd(orReset: Bool = false) throws {
        do {
            let rest = try receiveAll()
            if !rest.isEmpty { throw Failure(description: "more came: \(text(rest))") }
        } catch let failure as Failure {
            guard orReset, failure.description.hasPrefix("receive: ") else { throw failure }
        }
    }

    /// Whether nothing comes for so many milliseconds.
    func isQuiet(milliseconds: Int32) -> Bool {
        held.isEmpty && poll(Int32(MILLRACE_POLLIN), milliseconds) == 0
    }

    /// Reads one answer, with the interim ones before it. `isHead`: to a HEAD request.
    func answer(isHead: Bool = false) throws -> Answer {
        var interim: [Int] = []
        while true {  // Ends with a final answer, or throws.
            var answer = try head()
            if answer.status < 200 && answer.status != 101 {
                interim.append(answer.status)
                continue
            }
            answer.interim = interim
            if !isHead { try body(of: &answer) }
            return answer
        }
    }

    private func head() throws -> Answer {
        while true {  // Ends with a head, or throws.
            if let end = Answer.headEnd(held) {
                let bytes = Array(held[..<end])
                held.removeFirst(end)
                return try Answer(head: bytes)
            }
            guard try receiveMore() else {
                throw Failure(description: "ended in a head: \(text(held))")
            }
        }
    }

    private func body(of answer: inout Answer) throws {
        switch answer.framing {
        case .none: return
        case .length(let count): answer.body = try take(count)
        case .chunked: answer.body = try chunks()
        case .untilClose: answer.body = try receiveAll()
        }
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while held.count < count {  // Ends: every turn receives, or throws.
            guard try receiveMore() else { throw Failure(description: "the body is cut off") }
        }
        defer { held.removeFirst(count) }
        return Array(held[..<count])
    }

    private func chunks() throws -> [UInt8] {
        var all: [UInt8] = []
        while true {  // Ends with the last chunk, or throws.
            while !held.contains(10) {
                guard try receiveMore() else { throw Failure(description: "chunks are cut off") }
            }
            let line = held[...(held.firstIndex(of: 10) ?? 0)]
            guard line.suffix(2) == [13, 10],
                let size = Int(text(Array(line.dropLast(2))), radix: 16)
            else { throw Failure(description: "no chunk line: \(text(Array(line)))") }
            held.removeFirst(line.count)
            all += try take(size)
            guard try take(2) == [13, 10] else { throw Failure(description: "no chunk end") }
            if size == 0 { return all }
        }
    }

    func poll(_ events: Int32, _ milliseconds: Int32) -> Int32 {
        Int32(millrace_poll(descriptor, UInt32(events), milliseconds))
    }
}
