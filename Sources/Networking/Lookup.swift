// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import EventLoops

/// A look-up of a name whose answer may come when nobody waits for it any more.
///
/// Threads: the loop's own. The thread that looks up posts its answer there.
final class Lookup: @unchecked Sendable {
    typealias Answer = Result<[SocketAddress], Resolver.Failure>

    private(set) var answer: Answer?
    private var bell: Suspension?

    init(waitingOn bell: Suspension) {
        self.bell = bell
    }

    func take(_ answer: Answer) {
        self.answer = answer
        bell?.signal()
    }

    /// The answer is not wanted any more.
    func abandon() {
        bell = nil
    }
}
