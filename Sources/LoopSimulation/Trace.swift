// SPDX-License-Identifier: MIT

/// What happened in a world, in order: a hash of everything, and the last events in words.
struct Trace {
    /// A kind of event; the raw values are part of the hash.
    enum Kind: UInt8 {
        case submit = 1, cancel, completion, arrival, end, reset, knock, connected, failed
        case fault, open, close, send, receive, accept, note
    }

    private struct Line {
        let time: UInt64
        let kind: Kind
        let descriptor: Int32
        let value: Int64
    }

    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var count: UInt64 = 0
    private var lines: [Line] = []
    private let linesMax: Int

    /// A trace that keeps the last `linesMax` events in words.
    init(linesMax: Int) {
        self.linesMax = linesMax
    }

    mutating func add(_ kind: Kind, at time: UInt64, _ descriptor: Int32, _ value: Int64) {
        mix(UInt64(kind.rawValue) | UInt64(UInt32(bitPattern: descriptor)) &<< 8)
        mix(time)
        mix(UInt64(bitPattern: value))
        if linesMax > 0 {
            let line = Line(time: time, kind: kind, descriptor: descriptor, value: value)
            if lines.count < linesMax {
                lines.append(line)
            } else {
                lines[Int(count % UInt64(linesMax))] = line
            }
        }
        count += 1
    }

    /// A multiplication and a shift for each word: fast, and every bit reaches every other.
    private mutating func mix(_ word: UInt64) {
        hash = (hash ^ word) &* 0x9FB2_1C65_1E98_DF25
        hash ^= hash &>> 32
    }

    /// The last events, oldest first: "12.000345 s  descriptor 65536  send 512".
    func text(since start: UInt64) -> [String] {
        let split = lines.count < linesMax || linesMax == 0 ? 0 : Int(count % UInt64(linesMax))
        return (lines[split...] + lines[..<split]).map { line in
            let nanoseconds = line.time - min(start, line.time)
            let seconds = nanoseconds / 1_000_000_000
            let micros = String(nanoseconds / 1000 % 1_000_000)
            let padded = String(repeating: "0", count: 6 - micros.count) + micros
            let subject = line.descriptor < 0 ? "" : "  descriptor \(line.descriptor)"
            return "\(seconds).\(padded) s\(subject)  \(line.kind) \(Self.word(line))"
        }
    }

    /// A fault by its name, all else by its number.
    private static func word(_ line: Line) -> String {
        if line.kind == .fault, let fault = Fault(rawValue: Int(line.value)) { return "\(fault)" }
        return "\(line.value)"
    }
}
