// SPDX-License-Identifier: MIT

import ModelChecking
import Testing

/// What the threads of a litmus test have read, by the number of the register.
final class Registers {
    var values: [Int]

    init(count: Int) { values = Array(repeating: -1, count: count) }

    subscript(register: Int) -> Int {
        get { values[register] }
        set { values[register] = newValue }
    }
}

/// The atomics of a litmus test.
final class Words {
    let x = Atomic(0)
    let y = Atomic(0)
    let z = Atomic(0)
}

/// Runs a litmus test in every way and returns what its registers held at the end.
func outcomes(
    registers count: Int, options: ModelOptions = ModelOptions(),
    strategy: ExplorationStrategy = .exhaustive, sourceLocation: SourceLocation = #_sourceLocation,
    _ test: (Model, Words, Registers) -> Void
) -> Set<[Int]> {
    var found: Set<[Int]> = []
    let result = explore(strategy, options: options) { model in
        let registers = Registers(count: count)
        test(model, Words(), registers)
        model.finally { found.insert(registers.values) }
    }
    #expect(result.holds, "\(result)", sourceLocation: sourceLocation)
    return found
}

/// All rows of values below two, but for some.
func allPairs(but excluded: [Int]...) -> Set<[Int]> {
    Set([[0, 0], [0, 1], [1, 0], [1, 1]]).subtracting(excluded)
}
