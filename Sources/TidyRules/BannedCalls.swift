// SPDX-License-Identifier: MIT

/// A sequence of tokens that must not stand in some places, and what to write instead.
struct Ban: Sendable {
    /// The tokens, one behind the other.
    var words: [String]
    /// What to do instead.
    var instead: String
    /// Where it is banned.
    var scope: Scope
    /// Whether it is meant although a dot stands before it.
    var isMember = false

    /// The places of a ban.
    enum Scope: Sendable {
        /// All Swift files.
        case everywhere
        /// All Swift files but those of the named room, of packages with a seam of their own, and
        /// of the benches' peers, which are as others write them.
        case outside(String)
        /// The rooms and the tools.
        case sources
        /// The rooms.
        case rooms
        /// The rooms that must compile in Embedded mode.
        case embeddedRooms

        func contains(_ file: SourceFile) -> Bool {
            switch self {
            case .everywhere: true
            case .outside(let name):
                file.room?.name != name && file.room?.name != "ModelChecking"
                    && !file.path.hasPrefix("Examples/ModelCheckedLock/")
                    && !file.path.hasPrefix("Benchmarks/Peers/")
            case .sources: file.path.hasPrefix("Sources/")
            case .rooms: file.room != nil
            case .embeddedRooms: file.room?.isEmbedded ?? false
            }
        }
    }

    /// All bans.
    static let all: [Ban] = tasks + modules + waiting + library

    private static let tasks = [
        Ban(
            words: ["Task", ".", "sleep"],
            instead: "set a timer on the loop's wheel; in a test, wait for the event with a"
                + " deadline",
            scope: .everywhere),
        Ban(
            words: ["Task", "{"], instead: "make a child of a task group: it keeps the executor",
            scope: .sources),
        Ban(
            words: ["Task", "("], instead: "make a child of a task group: it keeps the executor",
            scope: .sources),
        Ban(
            words: ["Task", ".", "detached"],
            instead: "make a child of a task group: it keeps the executor", scope: .sources),
    ]

    private static let modules = [
        Ban(
            words: ["import", "Synchronization"],
            instead: "import AtomicSupport, so that the model checker can replace it",
            scope: .outside("AtomicSupport")),
        Ban(
            words: ["import", "Foundation"], instead: "use the standard library or CLinuxShims",
            scope: .sources),
        Ban(
            words: ["import", "Dispatch"], instead: "use the loop or a ThreadTeam",
            scope: .sources),
        Ban(
            words: ["import", "Glibc"],
            instead: "use CLinuxShims: Glibc is missing in Embedded mode", scope: .embeddedRooms),
    ]

    private static let waiting = [
        Ban(
            words: ["atomicMemoryFence"],
            instead: "make the operation itself stronger: ThreadSanitizer does not see fences",
            scope: .everywhere),
        Ban(
            words: ["Mutex", "<"], instead: "use InternalLock: ThreadSanitizer misreads Mutex",
            scope: .outside("ModelChecking")),
        Ban(
            words: ["Mutex", "("], instead: "use InternalLock: ThreadSanitizer misreads Mutex",
            scope: .outside("ModelChecking")),
        Ban(
            words: ["usleep", "("], instead: "wait for the event, with a deadline",
            scope: .everywhere),
        Ban(
            words: ["nanosleep", "("], instead: "wait for the event, with a deadline",
            scope: .everywhere),
        Ban(
            words: ["sleep", "("], instead: "wait for the event, with a deadline",
            scope: .everywhere),
    ]

    private static let library = [
        Ban(
            words: ["print", "("], instead: "a library does not write to the terminal: return it",
            scope: .rooms),
        Ban(
            words: ["debugPrint", "("],
            instead: "a library does not write to the terminal: return it", scope: .rooms),
        Ban(
            words: ["dump", "("], instead: "a library does not write to the terminal", scope: .rooms
        ),
        Ban(words: ["fatalError", "(", ")"], instead: "say what went wrong", scope: .everywhere),
        Ban(
            words: ["preconditionFailure", "(", ")"], instead: "say what went wrong",
            scope: .everywhere),
        Ban(
            words: ["try", "!"], instead: "handle the error, or trap with a message",
            scope: .rooms),
    ]
}

/// Calls and imports that the house does not use.
package func bannedCallFindings(in file: SourceFile) -> [Finding] {
    let bans = Ban.all.filter { $0.scope.contains(file) }
    var result: [Finding] = []
    for (index, token) in file.code.enumerated() where token.kind == .identifier {
        let before = index > 0 ? file.code[index - 1].text : ""
        if before == "." || before == "func" { continue }
        for ban in bans where token.text == ban.words[0] {
            let following = file.code[index...].prefix(ban.words.count)
            guard following.count == ban.words.count,
                zip(following, ban.words).allSatisfy({ $0.isWord($1) })
            else { continue }
            let name = ban.words.joined(separator: ban.words[0] == "import" ? " " : "")
            result.append(
                Finding(
                    .bannedCall, file.path, line: token.line, symbol: ban.words[0],
                    "'\(name)' is not used here: \(ban.instead)"))
        }
    }
    return result
}
