// SPDX-License-Identifier: MIT

internal import CLinuxShims
internal import EventLoops

/// Polls that wait for nothing, to fill a submission queue of four places: a full one is submitted
/// in the middle of a turn, where io_uring looks at what else is in it.
final class QueueFiller {
    private let driver: BackendDriver
    private let ends: (Int32, Int32)
    private var polls: [OperationID] = []

    /// Options of a backend whose queue is that short.
    static var options: LoopOptions {
        var options = LoopOptions()
        options.submissionQueueCapacity = 4
        return options
    }

    init(_ driver: BackendDriver) throws {
        self.driver = driver
        ends = try Wires.pipe()
    }

    func fill() {
        for _ in 0..<8 { polls.append(driver.poll(ends.0, MILLRACE_POLLIN)) }
    }

    /// Ends the polls.
    func end() throws {
        for poll in polls { driver.backend.cancel(poll) }
        for poll in polls { _ = try driver.result(of: poll) }
        for end in [ends.0, ends.1] { Wires.close(end) }
    }
}
