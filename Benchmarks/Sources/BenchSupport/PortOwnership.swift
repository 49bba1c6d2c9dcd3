// SPDX-License-Identifier: MIT

/// Whether a port belongs to the process that is measured, and not to one that was left over.
package enum PortOwnership {
    /// Throws unless the sockets that listen on the port are the process's, or of one that it has
    /// started.
    package static func check(port: UInt16, process: Int32) throws(BenchError) {
        let inodes = try listeningInodes(port: port)
        guard !inodes.isEmpty else { throw BenchError("nobody listens on port \(port)") }
        var own: Set<String> = []
        for member in ProcessTree.ids(from: process) {
            for name in try Directory.names(in: "/proc/\(member)/fd") {
                if let target = ProcFile.link("/proc/\(member)/fd/\(name)") { own.insert(target) }
            }
        }
        guard inodes.allSatisfy({ own.contains("socket:[\($0)]") }) else {
            throw BenchError("port \(port) does not belong to process \(process) alone")
        }
    }

    /// The inodes of the sockets that listen on a port, from /proc/net/tcp.
    private static func listeningInodes(port: UInt16) throws(BenchError) -> [Substring] {
        guard let table = ProcFile.text("/proc/net/tcp") else {
            throw BenchError("cannot read /proc/net/tcp")
        }
        let digits = String(port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - digits.count) + digits
        return table.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[1].hasSuffix(suffix), fields[3] == "0A" else {
                return nil
            }
            return fields[9]
        }
    }
}
