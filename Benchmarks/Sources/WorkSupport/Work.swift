// SPDX-License-Identifier: MIT

/// What the threads of a trial do: each calls `run` once, with its number and how many operations
/// there are for all of them. The answer is the sum of the numbers of those that it completed.
package final class Work: Sendable {
    package let run: @Sendable (_ thread: Int, _ count: UInt64) -> UInt64

    package init(run: @escaping @Sendable (_ thread: Int, _ count: UInt64) -> UInt64) {
        self.run = run
    }
}
