// SPDX-License-Identifier: MIT

import Testing
import TidyRules

@Suite("Columns, lengths, licence, marks")
struct ShapeRuleTests {
    @Test("A line of 101 columns is found, one of 100 characters in more bytes is not")
    func columns() {
        // If this failed, code would grow to the right, or arrows and dots would count twice.
        let wide = "// " + String(repeating: "x", count: 98)
        let full = "// " + String(repeating: "→", count: 97)
        #expect(findings(.columns, "\(full)\n\(wide)\n").map(\.line) == [2])
        #expect(findings(.columns, wide, at: "Sources/CLinuxShims/thread.c").count == 1)
        #expect(findings(.columns, wide, at: "Tests/Room/run.sh").isEmpty)
        #expect(findings(.columns, wide + wide, at: "Tests/Room/run.sh").count == 1)
    }

    @Test("Documents wrap at 120 columns, but tables, links and headings may run over")
    func documentColumns() {
        // If this failed, documents would not be checked, or a table could not be written.
        let words = String(repeating: "word ", count: 30)
        let text = "\(words)\n| \(words) |\n[a](b.md) \(words)\n# \(words)\nshort\n"
        #expect(findings(.columns, text, at: "docs/page.md").map(\.line) == [1])
    }

    @Test("A function of 71 lines is found, one of 70 is not")
    func functionLength() {
        // If this failed, functions would grow past the screen unseen.
        let long = "func long() {\n\(lines(69))}\n"
        let limit = "func limit() {\n\(lines(68))}\n"
        let found = findings(.functionLength, limit + long)
        #expect(found.map(\.symbol) == ["long"])
        #expect(found.map(\.line) == [71])
    }

    @Test("Braces in strings and comments, requirements and closures do not mislead the count")
    func functionLengthReadsCode() {
        // If this failed, one brace in a string would hide every function behind it.
        let text = """
            protocol P {
                func requirement() throws -> Int
                var property: Int { get }
            }
            func short(_ body: () -> Void = { }) {
                let a = "{{{ \\("}" + #"{"#) {"  // {{{ /*
                /* { /* nested { */ { */
                let b = \"\"\"
                    { " {
                    \"\"\"
            }
            struct S {
                var stored = 1
                init?(_ a: Int) {
            \(lines(70))    }
                deinit {
            \(lines(70))    }
                subscript(index: Int) -> Int {
            \(lines(70))    }
                var computed: [Int] {
            \(lines(70))    }
            }
            """
        let found = findings(.functionLength, text)
        #expect(found.map(\.symbol) == ["init", "deinit", "subscript", "computed"])
    }

    @Test("C functions are measured too, past macros and initializers")
    func functionLengthInC() {
        // If this failed, the C shims would be outside the rule.
        let text = """
            #define BODY(x) \\
                do { x; } while (0)
            static const int table[] = {
            \(lines(80, of: "    1,"))};
            struct pair { int a; char b; };
            static int short_one(char c) { return c == '{' ? '"' : 0; }
            int long_one(void *context, int (*callback)(void *)) {
            \(lines(70, of: "    step();"))}
            """
        let found = findings(.functionLength, text, at: "Sources/CLinuxShims/thread.c")
        #expect(found.map(\.symbol) == ["long_one"])
    }

    @Test("A file of 601 lines is found, one of 600 is not")
    func fileLength() {
        // If this failed, a room could become one file.
        #expect(findings(.fileLength, lines(601)).count == 1)
        #expect(findings(.fileLength, lines(600)).isEmpty)
    }

    @Test("The first line is the licence; in a manifest the second")
    func licenceLine() {
        // If this failed, a file could be shipped without a licence.
        #expect(findings(.licence, "import A\n").count == 1)
        #expect(findings(.licence, licence + "import A\n").isEmpty)
        #expect(
            findings(.licence, "// swift-tools-version: 6.3\n" + licence, at: "Package.swift")
                .isEmpty)
        #expect(findings(.licence, "#pragma once\n", at: "Sources/CLinuxShims/a.h").count == 1)
        #expect(findings(.licence, "text\n", at: "README.md").isEmpty)
    }

    @Test(
        "Marks of unfinished work are found in code and documents",
        arguments: ["FIX" + "ME", "TO" + "DO", "XX" + "X"])
    func leftovers(mark: String) {
        // If this failed, promises would be shipped instead of work.
        #expect(findings(.leftover, "// \(mark): later\n").map(\.line) == [1])
        #expect(findings(.leftover, "A \(mark).\n", at: "docs/page.md").count == 1)
        #expect(findings(.leftover, "// \(mark)S and PRE\(mark) are words\n").isEmpty)
    }
}
