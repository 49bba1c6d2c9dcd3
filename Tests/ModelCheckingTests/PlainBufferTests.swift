// SPDX-License-Identifier: MIT

@testable import ModelChecking
import Testing

@Suite("Buffers of the model")
struct PlainBufferTests {
    /// Says in a row of its own that it has ended.
    private struct Witness: ~Copyable {
        var number: Int
        var ended: Registers

        deinit { ended.values.append(number) }
    }

    @Test("values keep their order when the buffer grows, shrinks and moves up")
    func order() {
        // Wrong: steps of an execution are mixed up.
        var buffer = PlainBuffer<Int>(capacity: 1)
        for number in 0..<100 { buffer.append(number) }
        #expect(buffer.array == Array(0..<100))
        let taken = buffer.remove(at: 40)
        #expect(taken == 40)
        buffer.removeLast(9)
        #expect(buffer.array == (0..<90).filter { $0 != 40 } + [90])
        buffer[0] = 7
        #expect(buffer[0] == 7)
        buffer.removeAll()
        #expect(buffer.array.isEmpty)
    }

    @Test("a part is copied to the end, also where that makes the buffer grow, and filled")
    func parts() {
        // Wrong: a message carries another view than its writer's.
        var buffer = PlainBuffer(repeating: 1, count: 4)
        buffer[2] = 5
        buffer.append(copying: 1..<4)
        #expect(buffer.array == [1, 1, 5, 1, 1, 5, 1])
        buffer.append(8, count: 40)
        buffer.fill(0..<2, with: 3)
        #expect(buffer.array == [3, 3, 5, 1, 1, 5, 1] + Array(repeating: 8, count: 40))
    }

    @Test("each value ends once")
    func lifetimes() {
        // Wrong: what the state holds leaks, or is freed twice.
        let ended = Registers(count: 0)
        do {
            var buffer = PlainBuffer<Witness>(capacity: 1)
            for number in 0..<5 { buffer.append(Witness(number: number, ended: ended)) }
            #expect(ended.values.isEmpty)
            _ = buffer.remove(at: 1)
            buffer.removeLast()
            #expect(ended.values == [1, 4])
        }
        #expect(ended.values.sorted() == [0, 1, 2, 3, 4])
    }
}
