// SPDX-License-Identifier: MIT

internal import AsyncRuntime
internal import CContender
internal import EventLoops
internal import Glibc

/// The trial of programs whose works are tasks: options, the loop, the clock, the line of results.
public enum TaskTrial {
    private static let help = """
        usage: tasks_… --work NAME [--count N] [--size S] | --list
        Sends N numbers from one task to another on one loop and prints one line of results.
          --work NAME   through what; --list prints the names
          --count N     how many (1000000)
          --size S      room for so many (1024)
          --threads 1   both tasks run on one

        """

    /// Does what the command line says; the status of the process.
    public static func run(_ works: [TaskWork]) -> Int32 {
        // SAFETY: the arguments are the program's.
        let (count, arguments) = (CommandLine.argc, unsafe CommandLine.unsafeArgv)
        // SAFETY: as above.
        unsafe contender_check(
            count, arguments, "--work --count --size --threads", "--list", help)
        // SAFETY: as above.
        if unsafe contender_flag(count, arguments, "--list") {
            for work in works { print(work.name) }
            return 0
        }
        // SAFETY: as above; a text that is an argument or the constant lives on.
        let name = unsafe contender_text(count, arguments, "--work", "")
        // SAFETY: as above.
        guard let name = unsafe name.map({ unsafe String(cString: $0) }),
            let work = works.first(where: { $0.name == name })
        else {
            unsafe contender_complain("no such work; --list prints the names")  // SAFETY: a text.
            return 2
        }
        // SAFETY: as above.
        _ = unsafe contender_number(count, arguments, "--threads", 1, 1, 1)
        // SAFETY: as above.
        let numbers = unsafe contender_number(count, arguments, "--count", 1_000_000, 1, 1 << 30)
        // SAFETY: as above.
        let size = unsafe contender_number(count, arguments, "--size", 1024, 2, 1 << 20)
        return measure(work.make(Int(size)), numbers)
    }

    private static func measure(_ pair: TaskPair, _ count: UInt64) -> Int32 {
        do {
            let result = try LoopGroup.run { group in
                let executor = group.executors[0]
                let (start, cpu) = (contender_now(), threadNanoseconds)
                let sum = await withTaskGroup(of: UInt64.self) { tasks in
                    tasks.addTask(executorPreference: executor) { await pair.receive(count) }
                    tasks.addTask(executorPreference: executor) {
                        await pair.send(count)
                        return 0
                    }
                    return await tasks.reduce(0, &+)
                }
                return (sum, contender_now() - start, threadNanoseconds - cpu)
            }
            print(
                "result operations=\(count) checksum=\(result.0) nanoseconds=\(result.1) "
                    + "cpu_ns=\(result.2)")
            return 0
        } catch {
            unsafe contender_complain("\(error)")  // SAFETY: a text for the call.
            return 1
        }
    }

    /// CPU time of the calling thread, which is the loop's.
    private static var threadNanoseconds: UInt64 {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)  // SAFETY: filled in.
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
