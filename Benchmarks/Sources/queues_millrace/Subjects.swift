// SPDX-License-Identifier: MIT

internal import CContender
internal import ConcurrentQueues

/// The queues of this program, and the trial that uses one of them.
enum Subjects {
    /// Those of numbers, and, with "-64" behind the name, of elements of 64 bytes.
    private static let names = kinds + kinds.map { $0 + "-64" }
    private static let kinds = [
        "mpmc", "lock-free", "unbounded", "relaxed", "spsc", "unbounded-spsc",
    ]

    private static func make(_ number: Int, _ capacity: Int, _ threads: Int) -> Subject {
        let kind = kinds[number % kinds.count]
        return number < kinds.count
            ? make(kind, capacity, threads, of: UInt64.self)
            : make(kind, capacity, threads, of: WideElement.self)
    }

    @inline(__always)
    private static func make<Element: TrialElement>(
        _ kind: String, _ capacity: Int, _ threads: Int, of: Element.Type
    ) -> Subject {
        switch kind {
        case "mpmc": Subject(BoundedMPMCQueue<Element>(capacity: capacity))
        case "lock-free": Subject(LockFreeMPMCQueue<Element>(capacity: capacity))
        case "unbounded": Subject(UnboundedMPMCQueue<Element>())
        case "relaxed": Subject(RelaxedLoops<Element>(capacity: capacity, threads: threads))
        case "spsc": Subject(BoundedSPSCQueue<Element>(capacity: capacity))
        default: Subject(UnboundedSPSCQueue<Element>())
        }
    }

    /// The subject behind a pointer that the trial got from `make`.
    private static func subject(_ pointer: UnsafeMutableRawPointer?) -> Subject {
        // SAFETY: looks at the pointer only.
        guard let pointer = unsafe pointer else { preconditionFailure("a trial has a queue") }
        // SAFETY: retained when it was made, for as long as the process runs.
        return unsafe Unmanaged<Subject>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// The names as C has them; they live to the end of the process.
    private static func texts() -> [UnsafePointer<CChar>?] {
        // SAFETY: each is as long as its text and a zero.
        unsafe names.map { name in
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: name.utf8.count + 1)
            for (index, byte) in name.utf8.enumerated() {
                unsafe copy[index] = CChar(bitPattern: byte)  // SAFETY: as above.
            }
            unsafe copy[name.utf8.count] = 0  // SAFETY: as above.
            return unsafe UnsafePointer(copy)  // SAFETY: as above.
        }
    }

    /// Does what the command line says; the status of the process.
    static func run() -> Int32 {
        // SAFETY: the texts live on; the trial passes on the pointers that it is given.
        unsafe texts().withUnsafeBufferPointer { texts in
            var subjects = unsafe queue_subjects(
                names: texts.baseAddress, count: UInt32(texts.count),
                make: { number, capacity, threads in
                    let made = Subjects.make(Int(number), Int(capacity), Int(threads))
                    return unsafe Unmanaged.passRetained(made).toOpaque()  // SAFETY: never freed.
                },
                // SAFETY: as above.
                push: { unsafe Subjects.subject($0).push($1, $2) },
                // SAFETY: as above.
                pop: { unsafe Subjects.subject($0).pop($1) },
                // SAFETY: as above.
                pairs: { unsafe Subjects.subject($0).pairs($1, $2) })
            // SAFETY: the arguments are the program's.
            return unsafe queue_trial(CommandLine.argc, CommandLine.unsafeArgv, &subjects)
        }
    }
}
