// SPDX-License-Identifier: MIT

/// A program that is measured: how it is started, and what it is to the others.
package struct Contender: Sendable {
    /// The name in tables, such as "c-uring".
    package let name: String
    /// The program of this build, or an absolute path.
    package let program: String
    package let arguments: [String]
    /// Whether it is one of the peers that ours are compared with.
    package let isPeer: Bool

    package init(_ name: String, _ program: String, _ arguments: [String] = [], isPeer: Bool) {
        self.name = name
        self.program = program
        self.arguments = arguments
        self.isPeer = isPeer
    }

    /// The same contender with further arguments.
    package func adding(_ more: [String]) -> Contender {
        Contender(name, program, arguments + more, isPeer: isPeer)
    }

    /// The same contender with further arguments, under another name.
    package func renamed(_ name: String, adding more: [String]) -> Contender {
        Contender(name, program, arguments + more, isPeer: isPeer)
    }

    /// The path of the program.
    package func path() throws(BenchError) -> String {
        program.hasPrefix("/") ? program : try Directory.program(program)
    }
}
