// SPDX-License-Identifier: MIT

import HTTP1Codec

/// What came of parsing a head.
enum HeadOutcome: Equatable, CustomStringConvertible {
    case complete(RequestHead, [FieldRecord])
    case incomplete
    case refused(HTTP1Error)

    var description: String {
        switch self {
        case .complete(let head, _): "complete, \(head.byteCount) bytes"
        case .incomplete: "incomplete"
        case .refused(let error): "\(error) \(error.status)"
        }
    }

    /// The error's status; 0 if complete, -1 if not.
    var status: Int {
        switch self {
        case .complete: 0
        case .incomplete: -1
        case .refused(let error): error.status
        }
    }

    var head: RequestHead? {
        if case .complete(let head, _) = self { head } else { nil }
    }
}

/// Feeds a request parser pieces of one message, each time from memory of its own.
struct HeadFeeder: ~Copyable {
    var parser = RequestHeadParser()
    var fields: FieldTable
    let limits: HTTPLimits

    init(limits: HTTPLimits = HTTPLimits(), capacity: Int = 200) {
        self.limits = limits
        fields = FieldTable(capacity: capacity)
    }

    /// Gives the parser the first bytes of a message.
    mutating func feed(_ bytes: ArraySlice<UInt8>) -> HeadOutcome {
        // Memory of exactly this size: what reads behind it is found by the sanitizer.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { unsafe copy.deallocate() }  // SAFETY: nobody keeps it.
        unsafe copy.copyBytes(from: bytes)  // SAFETY: as many bytes.
        do throws(HTTP1Error) {
            // SAFETY: alive until the end of this call.
            let head = try unsafe parser.parse(
                UnsafeRawBufferPointer(copy), limits: limits, fields: &fields)
            guard let head else { return .incomplete }
            var records: [FieldRecord] = []
            for index in 0..<fields.count { records.append(fields[index]) }
            return .complete(head, records)
        } catch {
            return .refused(error)
        }
    }
}

/// What comes of a message that is there as a whole.
func outcome(of text: String, limits: HTTPLimits = HTTPLimits()) -> HeadOutcome {
    outcome(of: Array(text.utf8), limits: limits)
}

/// What comes of a message that is there as a whole.
func outcome(of bytes: [UInt8], limits: HTTPLimits = HTTPLimits()) -> HeadOutcome {
    var feeder = HeadFeeder(limits: limits)
    return feeder.feed(bytes[...])
}

/// What comes of a message in pieces that end at `ends`; the last end is the message's.
func outcome(
    of bytes: [UInt8], endingAt ends: some Sequence<Int>, limits: HTTPLimits = HTTPLimits()
) -> HeadOutcome {
    var feeder = HeadFeeder(limits: limits)
    var last = HeadOutcome.incomplete
    for end in ends {
        last = feeder.feed(bytes[..<end])
        if last != .incomplete { break }
    }
    return last
}

/// The first split at which a message gives something else than as a whole; nil if there is none.
func firstDifferingSplit(of bytes: [UInt8], limits: HTTPLimits = HTTPLimits()) -> String? {
    let whole = outcome(of: bytes, limits: limits)
    for split in 0..<bytes.count {
        let parts = outcome(of: bytes, endingAt: [split, bytes.count], limits: limits)
        if parts != whole { return "split at \(split): \(parts), whole: \(whole)" }
    }
    let single = outcome(of: bytes, endingAt: 0...bytes.count, limits: limits)
    return single == whole ? nil : "byte by byte: \(single), whole: \(whole)"
}

/// The text of a range of a message.
func text(_ range: ByteRange, of message: String) -> String {
    String(decoding: Array(message.utf8)[range.offsets], as: UTF8.self)
}
