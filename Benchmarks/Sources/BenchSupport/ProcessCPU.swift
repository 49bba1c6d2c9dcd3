// SPDX-License-Identifier: MIT

internal import CBenchSupport

/// What a process has used of the processors so far, all its threads together.
package struct ProcessCPU: Sendable {
    /// From /proc/PID/task/*/schedstat: exact.
    package var nanoseconds: UInt64
    /// From /proc/PID/stat, in ticks of 10 ms.
    package var userTicks: UInt64
    package var systemTicks: UInt64

    /// Reads it; the threads that have ended are not in `nanoseconds`.
    package static func of(_ id: Int32) throws(BenchError) -> ProcessCPU {
        var sum: UInt64 = 0
        for thread in try Directory.names(in: "/proc/\(id)/task") {
            // A thread may end between the two calls.
            guard let text = ProcFile.text("/proc/\(id)/task/\(thread)/schedstat") else { continue }
            sum += text.split(separator: " ").first.flatMap { UInt64($0) } ?? 0
        }
        guard let stat = ProcFile.text("/proc/\(id)/stat"), let end = stat.lastIndex(of: ")") else {
            throw BenchError("process \(id) has ended")
        }
        // Behind the name: the state is field 3, utime 14, stime 15. proc(5).
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = UInt64(fields[11]), let system = UInt64(fields[12])
        else { throw BenchError("/proc/\(id)/stat is not what proc(5) says") }
        return ProcessCPU(nanoseconds: sum, userTicks: user, systemTicks: system)
    }

    /// The same for a process and those that it has started and that are alive.
    package static func ofTree(_ id: Int32) throws(BenchError) -> ProcessCPU {
        var sum = ProcessCPU(nanoseconds: 0, userTicks: 0, systemTicks: 0)
        for member in ProcessTree.ids(from: id) {
            let own = try of(member)
            sum.nanoseconds += own.nanoseconds
            sum.userTicks += own.userTicks
            sum.systemTicks += own.systemTicks
        }
        return sum
    }

    /// What was used between two readings.
    package func since(_ earlier: ProcessCPU) -> ProcessCPU {
        ProcessCPU(
            nanoseconds: nanoseconds - min(nanoseconds, earlier.nanoseconds),
            userTicks: userTicks - min(userTicks, earlier.userTicks),
            systemTicks: systemTicks - min(systemTicks, earlier.systemTicks))
    }

    /// The share of user mode, if enough ticks have passed to say so.
    package var userShare: Double? {
        let ticks = userTicks + systemTicks
        return ticks >= 50 ? Double(userTicks) / Double(ticks) : nil
    }
}
