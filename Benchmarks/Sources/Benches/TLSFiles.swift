// SPDX-License-Identifier: MIT

internal import BenchSupport
internal import Foundation

/// A certificate that `openssl` makes, its key, and a file of bytes: in a folder that goes away
/// with this object.
final class TLSFiles {
    let folder: String

    init() {
        let name = "millrace-bench-tls-\(ProcessInfo.processInfo.processIdentifier)"
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(name).path
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var chain: String { "\(folder)/chain.pem" }
    var key: String { "\(folder)/key.pem" }

    /// Makes what is not there.
    func make(bulkByteCount: Int) throws {
        if FileManager.default.fileExists(atPath: chain) { return }
        // Workers of a server that gives its rights up read the bulk, too.
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o755])
        try Data(repeating: 0x78, count: bulkByteCount).write(
            to: URL(filePath: "\(folder)/bulk"))
        let script =
            "exec openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
            + "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout \"$1\" "
            + "-out \"$2\" 2>/dev/null"
        let process = try ChildProcess(
            "/bin/sh", ["-c", script, "sh", key, chain], cpu: nil, name: "openssl")
        guard try process.wait(withinSeconds: 30) == 0 else {
            throw BenchError("openssl made no certificate: is it installed?")
        }
    }
}
