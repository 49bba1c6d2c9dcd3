// SPDX-License-Identifier: MIT

import Testing
import TidyRules

@Suite("Edges, safety, bans, names, tests")
struct CodeRuleTests {
    private let edges = "// Edges: E1  publish  store → load\n//        E2  recycle\n"

    @Test("Each non-relaxed ordering needs a tag that the file declares")
    func edgeTags() {
        // If this failed, an ordering could stand without anybody knowing what it is for.
        let bare = edges + "word.store(1, ordering: .releasing)\n"
        #expect(findings(.edgeTag, bare).map(\.line) == [3])
        let tagged = edges + "word.store(1, ordering: .releasing)  // E1\n"
        #expect(findings(.edgeTag, tagged).isEmpty)
        let unknown = edges + "word.store(1, ordering: .releasing)  // E3\n"
        #expect(findings(.edgeTag, unknown).count == 1)
        let undeclared = "word.store(1, ordering: .releasing)  // E1\n"
        #expect(findings(.edgeTag, undeclared).count == 1)
        #expect(findings(.edgeTag, "word.load(ordering: .relaxed)\n").isEmpty)
    }

    @Test("Both orderings of a compare-exchange are looked at; a tag may close the statement")
    func edgeTagsOfLongCalls() {
        // If this failed, a failure ordering could hide behind the success ordering.
        let text =
            edges + """
                word.compareExchange(
                    expected: 0, desired: 1, successOrdering: .acquiringAndReleasing,  // E1
                    failureOrdering: .acquiring
                )
                word.store(
                    1, ordering: .releasing
                )  // E2; the slot is free again
                """
        #expect(findings(.edgeTag, text).map(\.line) == [5])
    }

    @Test("Edges may be declared by a neighbour that the file names; tests need no tags")
    func edgesOfNeighbours() {
        // If this failed, a type could not be split over two files.
        let store = "word.store(1, ordering: .releasing)  // E1\n"
        let files = [
            "Sources/ConcurrentQueues/Ring.swift": edges,
            "Sources/ConcurrentQueues/Ring+Close.swift": "// Edges: see Ring.swift\n" + store,
            "Sources/ConcurrentQueues/Other.swift": store,
            "Tests/ConcurrentQueuesTests/RingTests.swift": "word.store(1, ordering: .releasing)\n",
        ]
        #expect(
            findings(.edgeTag, in: files).map(\.path) == ["Sources/ConcurrentQueues/Other.swift"])
    }

    @Test("The strongest ordering needs a paragraph")
    func sequentialConsistency() {
        // If this failed, the strongest ordering would be used because it felt safer.
        let store = "word.store(1, ordering: .sequentiallyConsistent)  // E1\n"
        #expect(findings(.edgeTag, edges + store).count == 1)
        let reason =
            "// Sequentially consistent: the store and the load\n// must not both be late.\n"
        #expect(findings(.edgeTag, edges + "\n" + reason + store).isEmpty)
        #expect(findings(.edgeTag, edges + "\n" + reason + lines(20) + store).count == 1)
    }

    @Test("Each line with unsafe needs a SAFETY comment on it or at most three lines above")
    func safety() {
        // If this failed, unsafe code would be shipped unexplained.
        #expect(findings(.safety, "unsafe work()\n").map(\.line) == [1])
        #expect(findings(.safety, "unsafe work()  // SAFETY: ours.\n").isEmpty)
        #expect(
            findings(.safety, "// SAFETY: a reason of\n// two lines.\n\n\nunsafe a()\n").isEmpty)
        #expect(findings(.safety, "unsafe a()  // SAFETY: ours.\nunsafe b()\n").isEmpty)
        #expect(findings(.safety, "// SAFETY: far.\n\n\n\nunsafe a()\n").count == 1)
        #expect(
            findings(.safety, "@unsafe\npublic func f()\n// unsafe\nlet s = \"unsafe\"\n").isEmpty)
    }

    @Test(
        "Banned calls are found where they are banned",
        arguments: [
            ("try await Task.sleep(for: x)", "Tests/RoomTests/A.swift"),
            ("Task { work() }", "Sources/EventLoops/A.swift"),
            ("Task(priority: p) { work() }", "Sources/EventLoops/A.swift"),
            ("Task.detached { work() }", "Sources/AsyncRuntime/A.swift"),
            ("internal import Synchronization", "Sources/ConcurrentQueues/A.swift"),
            ("internal import Synchronization", "Benchmarks/Sources/bench/A.swift"),
            ("import Foundation", "Sources/Networking/A.swift"),
            ("import Glibc", "Sources/WaitPrimitives/A.swift"),
            ("atomicMemoryFence(ordering: .acquiring)", "Sources/AtomicSupport/A.swift"),
            ("let lock = Mutex<Int>(0)", "Tests/RoomTests/A.swift"),
            ("usleep(10)", "Tests/RoomTests/A.swift"),
            ("sleep(1)", "StressTests/A.swift"),
            ("print(1)", "Sources/EventLoops/A.swift"),
            ("fatalError()", "Sources/EventLoops/A.swift"),
            ("preconditionFailure()", "Examples/A.swift"),
            ("try! work()", "Sources/EventLoops/A.swift"),
        ])
    func bannedCalls(text: String, path: String) {
        // If this failed, a call that the house has replaced would come back.
        #expect(findings(.bannedCall, text, at: path).count == 1)
        #expect(findings(.bannedCall, "// \(text)\n", at: path).isEmpty)
    }

    @Test(
        "Calls that only look banned are left alone",
        arguments: [
            ("Task { work() }", "Tests/RoomTests/A.swift"),
            ("public import Synchronization", "Sources/AtomicSupport/Seam.swift"),
            ("let deque = Mutex(Deque<Int>())", "Benchmarks/Peers/Sources/a/main.swift"),
            ("print(1)", "Examples/A.swift"),
            ("print(1)", "Sources/tidy/main.swift"),
            ("loop.sleep(1)", "Tests/RoomTests/A.swift"),
            ("func sleep(until: Int)", "Sources/AsyncRuntime/A.swift"),
            ("fatalError(\"why\")", "Sources/EventLoops/A.swift"),
            ("TaskGroup { }", "Sources/EventLoops/A.swift"),
        ])
    func allowedCalls(text: String, path: String) {
        // If this failed, honest code would need exceptions.
        #expect(findings(.bannedCall, text, at: path).isEmpty)
    }

    @Test("Exported names that everybody knows, the module's name, and empty names are found")
    func typeNames() {
        // If this failed, a user's `Task` or `Atomic` would become ambiguous.
        #expect(findings(.typeName, "public final class Channel {}\n").count == 1)
        #expect(findings(.typeName, "struct Channel {}\n").isEmpty)
        #expect(findings(.typeName, "public struct ChannelRing {}\n").isEmpty)
        #expect(findings(.typeName, "enum ConcurrentQueues {}\n").count == 1)
        #expect(findings(.typeName, "struct BufferManager {}\n").count == 1)
        #expect(findings(.typeName, "func f(_ x: any P.Type, class: Int)\n").isEmpty)
    }

    @Test("A test begins with a comment")
    func testComments() {
        // If this failed, a broken test would not say what is at stake.
        let path = "Tests/RoomTests/A.swift"
        let bare = "@Test(\"a (b)\")\nfunc a() async throws {\n    b()\n}\n"
        let told = "@Test(\"a\", arguments: [1])\nfunc a(_ n: Int) {\n    // Why.\n    b()\n}\n"
        #expect(findings(.testComment, told + bare, at: path).map(\.line) == [7])
        #expect(findings(.testComment, "func helper() {\n    b()\n}\n", at: path).isEmpty)
    }
}
