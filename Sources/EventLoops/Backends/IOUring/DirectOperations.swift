// SPDX-License-Identifier: MIT

#if IOUring
    /// The operations that wait for a poll and are then system calls of the loop's own thread:
    /// io_uring has no request for a batch of datagrams, and moves pieces of a file through a pipe
    /// on a worker thread.
    @safe
    struct DirectOperations {
        // Invariant: I1  an operation is here exactly while its poll is under way. A cancellation
        //                may come between two polls, when the kernel finds none: it is noted here.

        @safe
        private struct Record {
            let operation: PendingOperation
            var isCancelled = false
        }

        private var records: [OperationID: Record] = [:]

        var isEmpty: Bool { records.isEmpty }

        func contains(_ id: OperationID) -> Bool { records[id] != nil }

        mutating func insert(_ operation: PendingOperation) {
            // SAFETY: stores the record.
            unsafe records[operation.id] = unsafe Record(operation: operation)
        }

        mutating func remove(
            _ id: OperationID
        ) -> (operation: PendingOperation, isCancelled: Bool)? {
            guard let record = records.removeValue(forKey: id) else { return nil }
            return unsafe (record.operation, record.isCancelled)  // SAFETY: hands the record on.
        }

        mutating func noteCancel(_ id: OperationID) {
            records[id]?.isCancelled = true
        }

        /// Notes a cancellation of everything on a descriptor. O(n), n being what waits here.
        mutating func noteCancel(on descriptor: Int32) {
            for (id, record) in records {
                // SAFETY: reads a word of the record.
                if unsafe record.operation.descriptor == descriptor { noteCancel(id) }
            }
        }

        /// The record of a request that is made this way; nil for all others.
        static func operation(for request: Request, _ id: OperationID) -> PendingOperation? {
            // SAFETY: copies the words of the request.
            switch unsafe request {
            case .sendFile(let descriptor, let file, let offset, let count):
                // SAFETY: names no memory.
                unsafe PendingOperation(
                    id: id, kind: .sendFile, descriptor: descriptor, memory: nil, count: count,
                    file: file, offset: offset, next: .max)
            case .receiveDatagrams(let descriptor, let datagrams, let count):
                // SAFETY: promise 4.
                unsafe PendingOperation(
                    id: id, kind: .receiveDatagrams, descriptor: descriptor, memory: datagrams,
                    count: count, next: .max)
            case .sendDatagrams(let descriptor, let datagrams, let count):
                // SAFETY: promise 4.
                unsafe PendingOperation(
                    id: id, kind: .sendDatagrams, descriptor: descriptor, memory: datagrams,
                    count: count, next: .max)
            default:
                nil
            }
        }
    }
#endif
