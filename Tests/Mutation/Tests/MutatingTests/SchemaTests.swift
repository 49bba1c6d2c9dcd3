// SPDX-License-Identifier: MIT

import Mutating
import Testing

@Suite("Sources with mutants in them")
struct SchemaTests {
    @Test("without numbers the source stays as it is")
    func nothing() throws {
        // Wrong: the copy is not what is shipped.
        let source = "func f() { if a < 1 { b() } }  // c\n"
        let mutator = try Mutator(file: "S.swift", source: source)
        #expect(mutator.schema { _ in nil }.text == source)
    }

    @Test("mutants of nested expressions are nested")
    func nesting() throws {
        // Wrong: the copy does not compile, or two mutants are on at one time.
        let mutator = try Mutator(file: "S.swift", source: "func f() { if a == 0 { b() } }")
        var number = 0
        let text = mutator.schema { _ in
            number += 1
            return number
        }.text
        #expect(text.contains("(mutant(3) ? a != 0 : a == (mutant(4) ? 1 : 0))"), "\(text)")
        #expect(text.contains("{ if !mutant(5) { b() } }"))
        let opened = text.count { $0 == "(" }
        let closed = text.count { $0 == ")" }
        #expect(opened == closed)
    }

    @Test("two statements change places by a second copy of the later one")
    func swapping() throws {
        // Wrong: a statement is done twice, or never.
        let mutator = try Mutator(file: "S.swift", source: "func f() { a(); b() }")
        let text = mutator.schema { $0.kind == .swap ? 1 : nil }.text
        #expect(text == "func f() { if mutant(1) { b() }; a(); if !mutant(1) { b() } }")
    }

    @Test("a place of the copy leads to its mutant")
    func places() throws {
        // Wrong: what does not compile cannot be taken out.
        let mutator = try Mutator(file: "S.swift", source: "func f() {\n    a()\n    b(1)\n}\n")
        let schema = mutator.schema { mutant in
            switch mutant.kind {
            case .drop: mutant.original == "a()" ? 1 : 2
            case .plusOne: 3
            default: nil
            }
        }
        let lines = schema.text.split(separator: "\n")
        let column = lines[2].utf8.count - lines[2].utf8.reversed().drop { $0 != 0x3F }.count
        #expect(schema.mutant(line: 2, column: 6) == 1)
        #expect(schema.mutant(line: 3, column: lines[2].utf8.count - column + 1) == 3)
        #expect(schema.mutant(line: 3, column: 6) == 2)
        #expect(schema.mutant(line: 1, column: 1) == nil)
        #expect(schema.mutants(above: 5) == [2, 3])
        #expect(schema.mutants(above: 3) == [1])
        #expect(schema.mutants(above: 2) == [])
        #expect(schema.mutants(in: 1...2) == [1])
        #expect(schema.mutants(in: 2...4) == [1, 2, 3])
        #expect(schema.mutants(in: 4...4) == [])
    }
}

@Suite("Mutants written by hand")
struct CatalogueTests {
    private let text = """
        # A comment

        == late
        file: S.swift
        means: the second comes first
        -- find
            a()
            b()
        -- put
            b()
            a()
        -- end
        """

    @Test("an entry is a second body of its function")
    func body() throws {
        // Wrong: the fault is not the one that was written.
        let entries = try CatalogueEntry.entries(of: text)
        #expect(entries.map(\.name) == ["late"])
        let source = "func f() {\n    a()\n    b()\n}\n"
        let mutator = try Mutator(file: "S.swift", source: source, catalogue: entries)
        let schema = mutator.schema { $0.name == "late" ? 1 : nil }
        #expect(
            schema.text
                == "func f() { if mutant(1) {\n    b()\n    a()\n} else {\n    a()\n    b()\n}}\n")
        // What the compiler says of the first body is not about the second.
        #expect(schema.mutant(line: 2, column: 5) == 1)
        #expect(schema.mutant(line: 5, column: 5) == nil)
    }

    @Test("what cannot be found, or not told apart, is an error")
    func errors() throws {
        // Wrong: a fault is planted nowhere, and counts as one that nobody finds.
        let entries = try CatalogueEntry.entries(of: text)
        #expect(throws: CatalogueError.self) {
            try Mutator(file: "S.swift", source: "func f() { c() }", catalogue: entries)
        }
        #expect(throws: CatalogueError.self) { try CatalogueEntry.entries(of: "== a\n") }
        #expect(throws: CatalogueError.self) { try CatalogueEntry.entries(of: "-- find\n") }
        #expect(throws: CatalogueError.self) { try CatalogueEntry.entries(of: text + "\n" + text) }
    }
}
