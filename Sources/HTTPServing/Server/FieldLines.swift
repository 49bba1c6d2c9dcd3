// SPDX-License-Identifier: MIT

internal import HTTP1Codec

/// Field lines of a response, checked and ready to be sent.
struct FieldLines: Sendable {
    private(set) var bytes: [UInt8] = []
    /// The first field that could not be written.
    private(set) var fault: HTTP1WriteError?

    /// Adds a line; one whose name is no token or whose value has control bytes becomes the fault.
    mutating func add(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        let byteCount = name.count + value.count + 4
        // SAFETY: the memory is used within the call.
        let written: Result<[UInt8], HTTP1WriteError> = unsafe withUnsafeTemporaryAllocation(
            byteCount: byteCount, alignment: 1
        ) { memory in
            var writer = unsafe HeadWriter(memory)  // SAFETY: ours for the call.
            writer.field(name, value)
            if let fault = writer.fault { return .failure(fault) }
            let line = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[..<writer.byteCount])
            return .success(unsafe Array(line))  // SAFETY: as above.
        }
        switch written {
        case .success(let line): bytes.append(contentsOf: line)
        case .failure(let error): if fault == nil { fault = error }
        }
    }

    mutating func add(_ name: String, _ value: String) {
        let name = Array(name.utf8)
        let value = Array(value.utf8)
        add(name.span, value.span)
    }

    mutating func add(_ name: StaticString, _ value: String) {
        add("\(name)", value)
    }
}
