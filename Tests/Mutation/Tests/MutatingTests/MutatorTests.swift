// SPDX-License-Identifier: MIT

import Mutating
import Testing

@Suite("Mutants made by rule")
struct MutatorTests {
    /// What the rules make of a snippet: `kind original → replacement`.
    private func mutants(_ source: String) throws -> [String] {
        try Mutator(file: "Sources/Room/Snippet.swift", source: source).mutants.map {
            "\($0.kind.rawValue) \($0.original) → \($0.replacement)"
        }
    }

    @Test("conditions are forced, comparisons exchanged, numbers moved by one")
    func conditions() throws {
        // Wrong: a kind of fault is not made, or another comes out.
        let found = try mutants(
            "func f(_ a: Int) -> Bool { if a < 2 { return true }; return false }")
        #expect(
            found == [
                "never a < 2 → false", "always a < 2 → true", "comparison a < 2 → a <= 2",
                "plus-one 2 → 3", "minus-one 2 → 1", "flag true → false", "flag false → true",
            ])
    }

    @Test("operators are exchanged by what they mean, not by where they stand")
    func operators() throws {
        // Wrong: precedence is lost, and `a &+ b & c` is taken for something else.
        let found = try mutants("func f() { let x = a &+ b & c }")
        #expect(found == ["arithmetic a &+ b & c → a &- b & c", "arithmetic b & c → b | c"])
        let sides = try mutants("func f() { let x = a && !b }")
        #expect(
            sides == ["operand a && !b → a", "operand a && !b → !b", "complement !b → b"])
    }

    @Test("statements are left out and change places; checks and pauses stay")
    func statements() throws {
        // Wrong: a lost wake-up is not planted, or time is lost with what changes nothing.
        let found = try mutants("func f() { store(); wake(); assert(a == 1); backoff.spin() }")
        #expect(
            found == [
                "drop store() → nothing", "drop wake() → nothing", "swap store() → wake(); store()",
            ])
    }

    @Test("an update that is torn keeps its arguments, over several lines and comments")
    func torn() throws {
        // Wrong: the fault that only other threads can see is not planted.
        let source = """
            func f() {
                let (isDone, now) = unsafe word.pointee.compareExchange(
                    expected: a, desired: b, ordering: .relaxed)  // E1
            }
            """
        let mutator = try Mutator(file: "S.swift", source: source)
        #expect(mutator.mutants.map(\.kind) == [.torn])
        let text = mutator.schema { _ in 7 }.text
        #expect(
            text.contains(
                "unsafe (mutant(7) ? word.pointee.torn_compareExchange(expected: a, desired"))
    }

    @Test("debug branches, layouts and endless loops are left alone")
    func leftAlone() throws {
        // Wrong: mutants that no release build has, or that do not compile.
        #expect(
            try mutants("#if DEBUG\nfunc f() { g(1) }\n#else\nfunc h() { while true { } }\n#endif")
                == [])
        #expect(try mutants("static func layout() -> Int { 1 + 2 }") == [])
        #expect(try mutants("enum E: Int { case a = 1 }") == [])
    }

    @Test("names do not depend on lines, and tell mutants of one text apart")
    func names() throws {
        // Wrong: an explanation belongs to another mutant after an unrelated change.
        let source = "func f() { let x = 1; let y = 1 }"
        let names = try Mutator(file: "A/Snippet.swift", source: source).mutants.map(\.name)
        let later = try Mutator(file: "A/Snippet.swift", source: "\n\n" + source).mutants
        #expect(names.first == "Snippet.f plus-one: 1")
        #expect(names.contains("Snippet.f plus-one: 1 #2"))
        #expect(later.map(\.name) == names)
    }
}
