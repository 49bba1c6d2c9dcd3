// SPDX-License-Identifier: MIT

import Testing
import TidyRules

@Suite("Imports, orphans, READMEs, links, exceptions")
struct HouseRuleTests {
    private let queues = ProjectTarget(
        name: "ConcurrentQueues", path: "Sources/ConcurrentQueues", sources: ["Ring.swift"],
        dependencies: ["AtomicSupport"])
    private let seam = ProjectTarget(
        name: "AtomicSupport", path: "Sources/AtomicSupport", sources: ["Seam.swift"],
        dependencies: ["CLinuxShims"])

    @Test("Imports point downwards, to declared modules")
    func imports() {
        // If this failed, taking one room would bring half of the house along.
        let all = [queues, seam]
        #expect(findings(.imports, "public import AtomicSupport\n", targets: all).isEmpty)
        #expect(findings(.imports, "internal import CLinuxShims\n", targets: all).count == 1)
        #expect(findings(.imports, "import EventLoops\n", targets: all).count == 1)
        #expect(findings(.imports, "import ObjectPools\n", targets: all).count == 1)
        #expect(findings(.imports, "import StressSupport\n", targets: all).count == 1)
        #expect(findings(.imports, "import TidyRules\n", targets: all).count == 1)
        #expect(findings(.imports, "import struct Elsewhere.Thing\n", targets: all).count == 1)
    }

    @Test("An upward import is found even if it is declared")
    func declaredUpwardImports() {
        // If this failed, the manifest alone could turn the house upside down.
        var upward = seam
        upward.dependencies = ["ConcurrentQueues"]
        let found = findings(
            .imports, "import ConcurrentQueues\n", at: "Sources/AtomicSupport/Seam.swift",
            targets: [queues, upward])
        #expect(found.count == 1)
    }

    @Test("What stands beside the floors may import any room; no room imports it")
    func besideTheFloors() {
        // If this failed, a room could depend on test support, or test support on nothing.
        let path = "Sources/BackendConformance/Check.swift"
        let suite = ProjectTarget(
            name: "BackendConformance", path: "Sources/BackendConformance",
            sources: ["Check.swift"], dependencies: ["EventLoops", "StressSupport"])
        for line in ["import EventLoops\n", "import StressSupport\n"] {
            #expect(findings(.imports, line, at: path, targets: [suite]).isEmpty)
        }
        #expect(findings(.imports, "import TidyRules\n", at: path, targets: [suite]).count == 1)
        var loops = seam
        loops.dependencies = ["BackendConformance"]
        let found = findings(
            .imports, "import BackendConformance\n", at: "Sources/AtomicSupport/Seam.swift",
            targets: [suite, loops])
        #expect(found.count == 1)
    }

    @Test("Sources outside every target, and targets on no floor, are found")
    func orphans() {
        // If this failed, a file could be in the tree and never be compiled.
        let files = [
            "Sources/ConcurrentQueues/Ring.swift": "", "Sources/ConcurrentQueues/Lost.swift": "",
            "Tests/EmbeddedProgram/main.swift": "", "Package.swift": "",
        ]
        let found = findings(.orphan, in: files, targets: [queues])
        #expect(found.map(\.path) == ["Sources/ConcurrentQueues/Lost.swift"])
        let homeless = ProjectTarget(name: "Attic", path: "Sources/Attic")
        #expect(findings(.orphan, in: [:], targets: [homeless]).map(\.symbol) == ["Attic"])
    }

    @Test("A room needs a README of at most 150 lines")
    func readmes() {
        // If this failed, a room could be entered without a word of what it is.
        let source = ["Sources/ConcurrentQueues/Ring.swift": ""]
        #expect(findings(.readme, in: source).count == 1)
        let path = "Sources/ConcurrentQueues/README.md"
        #expect(findings(.readme, in: source.merging([path: lines(150)]) { $1 }).isEmpty)
        #expect(findings(.readme, in: source.merging([path: lines(151)]) { $1 }).count == 1)
    }

    @Test("Links lead to files, folders and headings")
    func links() {
        // If this failed, a newcomer would click into the void.
        let page = """
            # The `first` heading: it's here
            [a](other.md) [b](../Sources) [c](#the-first-heading-its-here) [d](https://x.y/z)
            [e](missing.md) [f](#nowhere) [g](../../outside.md) [h](other.md#part-two)
            ```
            [in code](missing.md)
            ```
            `[inline](missing.md)` [i](other.md#missing)
            """
        let found = findings(
            .link,
            in: [
                "docs/page.md": page, "docs/other.md": "## Part two\n", "Sources/A/a.swift": "",
            ])
        #expect(
            found.map(\.symbol) == [
                "missing.md", "#nowhere", "../../outside.md", "other.md#missing",
            ])
    }

    @Test("The description of the package is read")
    func describedTargets() {
        // If this failed, the rules about targets would see none and fall silent.
        let text = """
            Name: millrace
            Products:
                Name: A
            Targets:
                Name: B
                Type: library
                Path: Sources/B
                Sources:
                    b.swift
                    Part/c.swift
                Target dependencies:
                    A
                Product dependencies:
                    ArgumentParser
                Product memberships:
                    B
            """
        let expected = ProjectTarget(
            name: "B", path: "Sources/B", sources: ["b.swift", "Part/c.swift"],
            dependencies: ["A", "ArgumentParser"])
        #expect(ProjectTarget.parse(text) == [expected])
    }

    @Test("A fault written by hand has one place in its file")
    func catalogues() {
        // Wrong: a fault whose code has moved is planted nowhere, and nobody hears of it.
        let ring = "Sources/ConcurrentQueues/Ring.swift"
        let catalogue = """
            == fault
            file: \(ring)
            means: it is lost
            -- find
            a()
                b()
            -- put
            a()
            -- end
            """
        func found(_ source: String, at path: String = ring) -> [Int] {
            findings(.catalogue, in: [path: source, "Tests/Mutation/catalogue.txt": catalogue])
                .map(\.line)
        }
        #expect(found("a()\n    b()\n").isEmpty)
        #expect(found("a()\nb()\n") == [5])
        #expect(found("a()\n    b()\na()\n    b()\n") == [5])
        #expect(found("a()\n    b()\n", at: "Sources/Other.swift") == [5])
    }

    @Test("An exception allows what it names and nothing else")
    func exceptions() {
        // If this failed, one exception would switch a rule off.
        let finding = Finding(.functionLength, "Sources/A/a.swift", line: 7, symbol: "long", "…")
        let other = Finding(.functionLength, "Sources/A/a.swift", line: 9, symbol: "longer", "…")
        let list = AllowList(
            text: "ceiling 1\nfunction-length Sources/A/a.swift long # one flat switch\n")
        #expect(list.filter([finding, other]) == [other])
    }

    @Test(
        "The list may only shrink",
        arguments: [
            ("ceiling 1\nsafety a.swift # why\n", 2),  // Matches nothing; the finding stays.
            ("ceiling 2\ncolumns Sources/A/a.swift # why\n", 1),  // Not the number of entries.
            ("columns Sources/A/a.swift # why\n", 1),  // No ceiling.
            ("ceiling 1\ncolumns Sources/A/a.swift\n", 1),  // No reason.
            ("ceiling 0\nnonsense a.swift # why\n", 2),  // No rule; the finding stays.
            ("# a comment\nceiling 1\ncolumns Sources/A/a.swift * # why\n", 0),
        ])
    func allowListShrinks(text: String, count: Int) {
        // If this failed, exceptions would outlive their causes.
        let finding = Finding(.columns, "Sources/A/a.swift", line: 1, "…")
        #expect(AllowList(text: text).filter([finding]).count == count)
    }
}
