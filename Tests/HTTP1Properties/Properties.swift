// SPDX-License-Identifier: MIT

/// What must hold of HTTP1Codec for any bytes whatever. The fuzzer looks for bytes for which it
/// does not, and the tests replay those that it found interesting.
///
/// The first byte says what the rest is; the second is a seed for cutting it into pieces.
///
///     Q  a request and its body        S  a response and its body     B  a chunked body
///     D  a date                        W  a name, a value, a target to write
public enum Properties {
    /// What does not hold for an input, or nil.
    public static func violation(of input: [UInt8]) -> String? {
        guard input.count > 2 else { return nil }
        let bytes = Array(input[2...])
        var cuts = Cuts(seed: input[1], byteCount: bytes.count)
        switch input[0] & 7 {
        case 3: return ResponseProperties.violation(of: bytes, &cuts)
        case 2: return BodyProperties.violation(of: bytes, &cuts)
        case 4: return DateProperties.violation(of: bytes)
        case 7: return WriterProperties.violation(of: bytes)
        default: return RequestProperties.violation(of: bytes, &cuts)
        }
    }
}

/// Ends of the pieces that an input is cut into.
struct Cuts {
    private var state: UInt64
    private let byteCount: Int

    init(seed: UInt8, byteCount: Int) {
        state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(byteCount)
        self.byteCount = byteCount
    }

    /// Ends in ascending order, the last one being the input's.
    mutating func next() -> [Int] {
        var ends: [Int] = []
        for _ in 0..<(state & 3) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            ends.append(Int((state >> 33) % UInt64(byteCount + 1)))
        }
        return ends.sorted() + [byteCount]
    }

    /// A few ways of cutting, byte by byte among them if that is cheap.
    mutating func ways() -> [[Int]] {
        var ways = [next(), next()]
        if byteCount <= 200 { ways.append(Array(0...byteCount)) }
        return ways
    }
}

/// Calls a body with bytes that lie alone: what reads behind them is seen by the sanitizer.
func withExactCopy<Result>(
    of bytes: ArraySlice<UInt8>, _ body: (UnsafeRawBufferPointer) -> Result
) -> Result {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { unsafe memory.deallocate() }  // SAFETY: nobody keeps it.
    unsafe memory.copyBytes(from: bytes)  // SAFETY: as many bytes.
    return unsafe body(UnsafeRawBufferPointer(memory))  // SAFETY: alive for the call.
}
