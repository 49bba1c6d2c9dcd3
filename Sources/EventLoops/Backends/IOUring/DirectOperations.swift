// SPDX-License-Identifier: MIT

#if IOUring
    /// The operations that are system calls of the loop's own thread, most of them behind a poll:
    /// io_uring has no request for a batch of datagrams, and moves pieces of a file through a pipe
    /// on a worker thread. A shutdown it would leave to a worker too, which looks the descriptor's
    /// number up when its turn comes: if the descriptor has been closed by then, and another thread
    /// has opened one of that number, it shuts the other down (Linux 6.18).
    @safe
    struct DirectOperations {
        // Invariant: I1  an operation is here exactly while its poll is under way. A cancellation
        //                may come between two polls, when the kernel finds none: it is noted here.

        @safe
        private struct Record {
            let request: Request
            var isCancelled = false
        }

        private var records: [OperationID: Record] = [:]

        var isEmpty: Bool { records.isEmpty }

        func contains(_ id: OperationID) -> Bool { records[id] != nil }

        mutating func insert(_ request: Request, _ id: OperationID) {
            records[id] = unsafe Record(request: request)  // SAFETY: promise 4 of the contract.
        }

        mutating func remove(_ id: OperationID) -> (request: Request, isCancelled: Bool)? {
            guard let record = records.removeValue(forKey: id) else { return nil }
            return unsafe (record.request, record.isCancelled)  // SAFETY: hands the words on.
        }

        mutating func noteCancel(_ id: OperationID) {
            records[id]?.isCancelled = true
        }

        /// Notes a cancellation of everything on a descriptor. O(n), n being what waits here.
        mutating func noteCancel(on descriptor: Int32) {
            for (id, record) in records {
                // SAFETY: reads a word of the record.
                if unsafe record.request.descriptor == descriptor { noteCancel(id) }
            }
        }

        /// Whether a request is made this way.
        static func isDirect(_ request: Request) -> Bool {
            switch unsafe request {  // SAFETY: reads which case it is.
            case .sendFile, .receiveDatagrams, .sendDatagrams, .shutdown: true
            default: false
            }
        }
    }
#endif
