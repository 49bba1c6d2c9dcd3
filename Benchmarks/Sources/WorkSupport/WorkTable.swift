// SPDX-License-Identifier: MIT

internal import CContender

/// The works of a program, and the trial that does one of them.
package final class WorkTable {
    private let works: [NamedWork]

    package init(_ works: [NamedWork]) { self.works = works }

    /// Does what the command line says; the status of the process.
    package func run() -> Int32 {
        // SAFETY: table and texts live on; the trial passes on the pointers that it is given.
        unsafe texts().withUnsafeBufferPointer { texts in
            var subjects = unsafe work_subjects(
                context: Unmanaged.passRetained(self).toOpaque(),
                names: texts.baseAddress, count: UInt32(texts.count),
                make: { context, number, size, threads in
                    let table: WorkTable = unsafe behind(context)  // SAFETY: retained above.
                    let made = table.works[Int(number)].make(Int(size), Int(threads))
                    return unsafe Unmanaged.passRetained(made).toOpaque()  // SAFETY: never freed.
                },
                run: { work, thread, count in
                    let made: Work = unsafe behind(work)  // SAFETY: as above.
                    return made.run(Int(thread), count)
                })
            // SAFETY: the arguments are the program's.
            return unsafe work_trial(CommandLine.argc, CommandLine.unsafeArgv, &subjects)
        }
    }

    /// The names as C has them; they live to the end of the process.
    private func texts() -> [UnsafePointer<CChar>?] {
        // SAFETY: each is as long as its text and a zero.
        unsafe works.map { work in
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: work.name.utf8.count + 1)
            for (index, byte) in work.name.utf8.enumerated() {
                unsafe copy[index] = CChar(bitPattern: byte)  // SAFETY: as above.
            }
            unsafe copy[work.name.utf8.count] = 0  // SAFETY: as above.
            return unsafe UnsafePointer(copy)  // SAFETY: as above.
        }
    }
}

/// The object behind a pointer that was made of it.
private func behind<Object: AnyObject>(_ pointer: UnsafeMutableRawPointer?) -> Object {
    // SAFETY: looks at the pointer only.
    guard let pointer = unsafe pointer else { preconditionFailure("a trial has a work") }
    // SAFETY: retained when it was passed on, for as long as the process runs.
    return unsafe Unmanaged<Object>.fromOpaque(pointer).takeUnretainedValue()
}
